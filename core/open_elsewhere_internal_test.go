package msm

import (
	"errors"
	"regexp"
	"testing"
	"testing/synctest"
	"time"
)

// TestOpenElsewhere checks that a session that another instance serves stays there, and that this instance sees the
// changes.
func TestOpenElsewhere(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		s := p.open(p.other)
		for want := 2; want < 5; want++ {
			Update(s, "n", plus(1))
			p.must(s.Commit(p.t.Context()))
			time.Sleep(heard)
			p.visit(func(s *Session) { p.wants("the visitor reads", Get[int](s, "n"), want) })
		}
		p.visit(func(s *Session) { Update(s, "n", plus(10)) })
		time.Sleep(heard)
		p.must(s.Reload(p.t.Context()))
		p.wants("reloaded", Get[int](s, "n"), 14)
		p.wants("cookies", p.cookies, 0)
		for _, m := range []*Manager{p.serves, p.other} {
			if m.local != nil {
				p.wants("takeovers", int(m.local.Takeovers.Load()), 0)
			}
		}
		if p.other.local != nil {
			p.wants("sessions in the other memory", int(p.other.local.Gauges().Sessions), 0)
		}
	})
}

// TestOpenElsewhereMerges checks that changes in both instances at the same time are merged.
func TestOpenElsewhereMerges(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		s := p.open(p.other)
		Update(s, "n", plus(10))
		s.Set("job", true)
		p.visit(func(s *Session) { s.Set("page", true); update(s, "n", plus(100), true) })
		p.must(s.Commit(p.t.Context()))
		time.Sleep(heard)
		p.visit(func(s *Session) {
			p.wants("n", Get[int](s, "n"), 111)
			p.wants("attributes", len(s.Keys()), 3)
		})
		if taken := Pop[int](s, "n"); taken != 111 && p.serves.local == nil {
			p.t.Errorf("popped %d", taken)
		}
		time.Sleep(heard)
		p.visit(func(s *Session) {
			if s.Has("n") {
				p.t.Error("it was popped")
			}
		})
	})
}

// TestOpenElsewhereEnds checks a logout in an instance that does not serve the session.
func TestOpenElsewhereEnds(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		s := p.open(p.other)
		s.Destroy()
		p.must(s.Commit(p.t.Context()))
		time.Sleep(heard)
		p.visit(func(s *Session) {
			if !s.IsNew() {
				p.t.Error("the session lives")
			}
		})
		if _, err := p.serves.Open(p.t.Context(), p.id); !errors.Is(err, ErrGone) {
			p.t.Error(err)
		}
	})
}

// TestOpenElsewhereIsBounded checks that the limits for an instance's own sessions hold, too: of size, and of what is
// never stored.
func TestOpenElsewhereIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		config := Config{Sticky: true, MaxSessionSize: 1000, MemoryOnly: regexp.MustCompile("^cache")}
		p := &pair{t: t, w: w, serves: w.routed(config, "a"), other: w.routed(config, "b")}
		p.visit(func(s *Session) { s.Set("n", 1); s.Set("cache", "mine") })
		time.Sleep(heard)
		s := p.open(p.other)
		s.Set("big", make([]byte, 2000))
		if err := s.Commit(t.Context()); !errors.Is(err, ErrTooLarge) {
			t.Error(err)
		}
		s.Delete("big")
		s.Set("cache", "theirs")
		s.Set("n", 2)
		p.must(s.Commit(t.Context()))
		if s = p.open(p.other); s.Has("cache") || Get[int](s, "n") != 2 {
			t.Errorf("stored: %v", s.Keys())
		}
		time.Sleep(heard)
		p.visit(func(s *Session) {
			if Get[string](s, "cache") != "mine" || Get[int](s, "n") != 2 {
				t.Errorf("cache %q, n %d", Get[string](s, "cache"), Get[int](s, "n"))
			}
		})
	})
}

// TestOpenFollowsTheSession checks that an opened session can be used after another instance has taken it over.
func TestOpenFollowsTheSession(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		s := p.open(p.serves)
		p.serves, p.other = p.other, p.serves // the balancer sends the visitor to the other instance
		p.visit(func(s *Session) { Update(s, "n", plus(1)) })
		time.Sleep(heard)
		p.must(s.Reload(p.t.Context()))
		p.wants("reloaded", Get[int](s, "n"), 2)
		Update(s, "n", plus(1))
		p.must(s.Commit(p.t.Context()))
		time.Sleep(heard)
		p.cookies = 0
		p.visit(func(s *Session) { p.wants("the visitor reads", Get[int](s, "n"), 3) })
		p.wants("cookies", p.cookies, 0)
		if id := s.ID(); id != p.id {
			p.t.Errorf("id %s; the visitor has %s", id, p.id)
		}
	})
}

// TestOpenMeetsATakeover checks a Commit after a request has brought the session into this instance's own memory.
func TestOpenMeetsATakeover(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *Session)
		want   int
	}{
		"a change": {func(s *Session) { Update(s, "n", plus(10)) }, 12},
		"an end":   {func(s *Session) { s.Destroy() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inPair(t, Config{}, func(p *pair) {
				s := p.open(p.other)
				c.change(s)
				p.serves = p.other
				p.visit(func(s *Session) { Update(s, "n", plus(1)) })
				time.Sleep(heard)
				p.must(s.Commit(p.t.Context()))
				time.Sleep(heard)
				p.visit(func(s *Session) { p.wants("the visitor reads", Get[int](s, "n"), c.want) })
			})
		})
	}
}
