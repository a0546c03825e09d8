package msm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

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

// TestOpenOutlivesOutages: G5. A session that is opened for long meets several outages of all nodes. Each time it can be
// stored again when the nodes are back, also without backups, when only its own node can tell what it is.
func TestOpenOutlivesOutages(t *testing.T) {
	t.Parallel()
	for name, backups := range map[string]int{"without backups": NoBackup, "with a backup": 1} {
		t.Run(name, func(t *testing.T) {
			inPair(t, Config{Backups: backups}, func(p *pair) {
				s := p.open(p.other)
				for outage := range 3 {
					Update(s, "n", plus(1))
					p.cutOff()
					for range 2 {
						if err := s.Commit(p.t.Context()); !errors.Is(err, ErrUnavailable) {
							p.t.Errorf("outage %d: %v", outage, err)
						}
						time.Sleep(3 * time.Second)
					}
					p.reconnect()
					p.must(s.Commit(p.t.Context()))
					p.wants("stored", Get[int](p.open(p.other), "n"), outage+2)
				}
			})
		})
	}
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
				v := newTabs(t, w, Config{Locking: LockAll, LockWait: time.Hour})
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
