package msm

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// heard is how long it takes at most until another instance has heard of something.
const heard = 600 * time.Millisecond

// pair is two instances, of which the first serves a visitor's session, in fake time.
type pair struct {
	t       *testing.T
	w       *world
	serves  *Manager
	other   *Manager
	id      string
	cookies int // that the visitor has got since the session began
}

// inPair runs a test in each mode.
func inPair(t *testing.T, config Config, test func(p *pair)) {
	for mode, set := range map[string]func(*Config){
		"non-sticky":    func(*Config) {},
		"sticky, async": func(c *Config) { c.Sticky = true },
		"sticky, sync":  func(c *Config) { c.Sticky, c.BackupSync = true, true },
	} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				set(&config)
				p := &pair{t: t, w: w, serves: w.routed(config, "a"), other: w.routed(config, "b")}
				p.visit(func(s *Session) { s.Set("n", 1) })
				p.cookies = 0
				time.Sleep(heard)
				test(p)
				time.Sleep(heard)
			})
		})
	}
}

// routed is world.manager with a route.
func (w *world) routed(config Config, route string) *Manager {
	config.Route = route
	m, _ := w.manager(config)
	return m
}

// visit sends a request to the instance that serves the session.
func (p *pair) visit(f func(s *Session)) (status int) {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", "SESSION="+p.id)
	w := httptest.NewRecorder()
	p.serves.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(From(r.Context())) })).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		p.id = c.Value
		p.cookies++
	}
	return w.Code
}

func (p *pair) open(m *Manager) *Session {
	p.t.Helper()
	s, err := m.Open(p.t.Context(), p.id)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Error(err)
	}
}

func (p *pair) wants(what string, got, want int) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %d; want %d", what, got, want)
	}
}

// cutOff makes every node unreachable.
func (p *pair) cutOff() {
	for _, server := range p.w.servers {
		server.Fail(off)
	}
}

func (p *pair) reconnect() {
	for _, server := range p.w.servers {
		server.Fail(nil)
	}
	for _, m := range []*Manager{p.serves, p.other} {
		for _, n := range m.store.Cluster.Members() {
			_ = n.Node.Probe(p.t.Context())
		}
	}
}

func plus(n int) func(int) int { return func(old int) int { return old + n } }

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
		config := Config{Sticky: true, MaxSessionSize: 1000, AttributeFilter: regexp.MustCompile("^cache")}
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

// TestOpenAfterARestart checks that Open brings the session into memory again, and does not keep it alive.
func TestOpenAfterARestart(t *testing.T) {
	t.Parallel()
	config := Config{IdleTimeout: 10 * time.Minute}
	inPair(t, config, func(p *pair) {
		config.Sticky = p.serves.config.Sticky
		p.serves = p.w.routed(config, "a")
		time.Sleep(9 * time.Minute)
		p.wants("opened", Get[int](p.open(p.serves), "n"), 1)
		time.Sleep(2 * time.Minute)
		p.visit(func(s *Session) {
			if !s.IsNew() {
				p.t.Error("the session lives")
			}
		})
	})
}

// TestAClientThatLeavesDuringTheLoad checks that the handler still sees that client's session.
func TestAClientThatLeavesDuringTheLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		v := newVisitors(t, w, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, server := range w.servers {
			server.Fail(func(of context.Context, op nodetest.Op, do func() error) error {
				if reads := nodetest.Reads("msm:s:"); reads(op) && ctx.Err() == nil {
					cancel()
					return of.Err()
				}
				return do()
			})
		}
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		r.Header.Set("Cookie", "SESSION="+v.id)
		v.m[1].Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if n, there, err := Lookup[int](From(r.Context()), "n"); !there || err != nil || ctx.Err() == nil {
				t.Errorf("%d, %v, %v; the client: %v", n, there, err, ctx.Err())
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
}

// TestOpenWithoutANode checks that a failure of all nodes does not end a session, and that changes can be stored after
// it.
func TestOpenWithoutANode(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		s := p.open(p.other)
		Update(s, "n", plus(1))
		p.cutOff()
		_, err := p.other.Open(p.t.Context(), p.id)
		for name, err := range map[string]error{"Open": err, "Reload": s.Reload(p.t.Context()), "Commit": s.Commit(p.t.Context())} {
			if !errors.Is(err, ErrUnavailable) {
				p.t.Errorf("%s: %v", name, err)
			}
		}
		p.wants("what was read and changed", Get[int](s, "n"), 2)
		p.reconnect()
		p.must(s.Commit(p.t.Context()))
		p.wants("stored", Get[int](p.open(p.other), "n"), 2)
	})
}

// TestOpenAndLocks checks that an opened session takes the lock only by Session.Lock, and how it is released.
func TestOpenAndLocks(t *testing.T) {
	t.Parallel()
	for name, release := range map[string]func(s *Session, cancel func()) error{
		"Unlock stores and releases":        func(s *Session, _ func()) error { return s.Unlock() },
		"the end of the context releases":   func(_ *Session, cancel func()) error { cancel(); return nil },
		"Commit does not, and Unlock after": func(s *Session, _ func()) error { return errors.Join(s.Commit(context.Background()), s.Unlock()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				v := newVisitors(t, w, Config{Locking: LockAll, LockWait: time.Hour})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s, err := v.m[0].Open(ctx, v.id)
				if err != nil {
					t.Fatal(err)
				}
				w.checkFree(v.id)
				if err := s.Lock(ctx); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				for i := range 2 {
					v.send(t.Context(), i, slowly(0))
				}
				time.Sleep(long)
				s.Set("n", 10)
				if err := release(s, cancel); err != nil {
					t.Error(err)
				}
				for _, r := range v.ran() {
					if r.begin.Sub(began) < long {
						t.Errorf("a request ran after %v", r.begin.Sub(began))
					}
				}
				want := 12
				if ctx.Err() != nil {
					want = 2
					if err := s.Lock(t.Context()); !errors.Is(err, context.Canceled) {
						t.Errorf("Lock again: %v", err)
					}
				}
				if n := v.count(); n != want {
					t.Errorf("n = %d; want %d", n, want)
				}
				w.checkFree(v.id)
			})
		})
	}
}

// TestOpenWithoutLocking checks that Lock says which setting is missing.
func TestOpenWithoutLocking(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		if err := p.open(p.other).Lock(p.t.Context()); !errors.Is(err, errNoLocking) {
			p.t.Error(err)
		}
	})
}

// TestOpenCosts checks that Open costs one read of the session, and leaves no goroutine, for which the bubble would
// wait.
func TestOpenCosts(t *testing.T) {
	t.Parallel()
	inPair(t, Config{}, func(p *pair) {
		before := p.reads()
		for range 100 {
			_ = Get[int](p.open(p.other), "n")
		}
		p.wants("reads", p.reads()-before, 100)
	})
}

// reads returns how often sessions were read so far.
func (p *pair) reads() (n int) {
	for _, s := range p.w.servers {
		n += s.Count(nodetest.Reads("msm:s:"))
	}
	return n
}
