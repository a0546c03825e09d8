package msm

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestDestroyAll: SR-11, SR-12, SR-14, rules P3 and P4. All sessions of a principal end, at every instance and whatever is left of the
// list; those that are kept, other people's, and later ones go on.
func TestDestroyAll(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(p *accounts, home, work *visitor)
		wait time.Duration // until it is to be seen
		home string        // who the visitor is then
	}{
		"everywhere": {func(p *accounts, _, _ *visitor) { p.must(p.b.DestroyAll(p.t.Context(), "ann")) }, heard, ""},
		"but for one": {func(p *accounts, home, _ *visitor) {
			p.must(p.b.DestroyAll(p.t.Context(), "ann", p.handle(home, p.a)))
		}, heard, "ann"},
		"but for one, whose list is lost a while later": {func(p *accounts, home, _ *visitor) {
			p.must(p.b.DestroyAll(p.t.Context(), "ann", p.handle(home, p.a)))
			p.loseList("ann")
		}, time.Minute, "ann"},
		"but for one, which gets another id": {func(p *accounts, home, _ *visitor) {
			p.must(p.a.DestroyAll(p.t.Context(), "ann", p.handle(home, p.a)))
			home.request(p.a, "POST", func(s *Session) { p.must(s.Renew()) })
		}, time.Minute, "ann"},
		"by a request of his own": {func(p *accounts, home, _ *visitor) {
			home.request(p.a, "POST", func(s *Session) { p.must(p.a.DestroyAll(p.t.Context(), "ann", s.Handle())) })
		}, heard, "ann"},
		"by a request of his own, which the list has lost": {func(p *accounts, home, _ *visitor) {
			p.loseList("ann")
			home.request(p.a, "POST", func(s *Session) {
				p.must(p.a.DestroyAll(s.visit.request.Context(), "ann", s.Handle()))
			})
		}, time.Minute, "ann"},
		"by a request of his own, which ends with them": {func(p *accounts, home, _ *visitor) {
			w := home.request(p.a, "POST", func(s *Session) {
				s.Set("n", 1)
				p.must(p.a.DestroyAll(s.visit.request.Context(), "ann"))
			})
			if c := w.Result().Cookies(); w.Code != http.StatusOK || len(c) != 1 || c[0].MaxAge >= 0 {
				p.t.Errorf("%d, cookies %v", w.Code, c)
			}
		}, heard, ""},
		"by a request that logs in then": {func(p *accounts, home, _ *visitor) {
			w := home.request(p.a, "POST", func(s *Session) {
				p.must(p.a.DestroyAll(s.visit.request.Context(), "ann"))
				p.must(s.SetPrincipal("ann"))
			})
			if w.Code != http.StatusOK {
				p.t.Errorf("%d", w.Code)
			}
		}, time.Minute, "ann"},
		"while a session that is in no list gets another id": {func(p *accounts, home, _ *visitor) {
			p.is(home, p.a, "ann")
			p.loseList("ann")
			p.must(p.b.DestroyAll(p.t.Context(), "ann"))
			w := home.request(p.a, "POST", func(s *Session) { p.must(s.Renew()) })
			if w.Code != http.StatusConflict {
				p.t.Errorf("Renew: %d", w.Code)
			}
		}, checkEvery, ""},
		"while a request of before gets another id": {func(p *accounts, home, _ *visitor) {
			home.request(p.a, "POST", func(s *Session) {
				p.must(p.b.DestroyAll(p.t.Context(), "ann"))
				_ = s.Renew()
			})
		}, checkEvery, ""},
		"the list was lost before": {func(p *accounts, _, _ *visitor) {
			p.loseList("ann")
			p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		}, checkEvery, ""},
		"the list was lost and begun anew": {func(p *accounts, _, _ *visitor) {
			p.loseList("ann")
			p.user(p.b, "ann", "phone")
			p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		}, checkEvery, ""},
		"a hundred others have pushed it out of the list": {func(p *accounts, _, _ *visitor) {
			for range 100 {
				p.user(p.b, "ann", "bot")
			}
			p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		}, checkEvery, ""},
		"twice": {func(p *accounts, home, _ *visitor) {
			p.must(p.b.DestroyAll(p.t.Context(), "ann", p.handle(home, p.a)))
			p.must(p.a.DestroyAll(p.t.Context(), "ann"))
		}, heard, ""},
		"and a login after it": {func(p *accounts, home, _ *visitor) {
			p.must(p.b.DestroyAll(p.t.Context(), "ann"))
			time.Sleep(heard)
			p.logIn(home, p.a, "ann", "home")
		}, time.Minute, "ann"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAccounts(t, Config{}, func(p *accounts) {
				home, work, bob := p.user(p.a, "ann", "home"), p.user(p.b, "ann", "work"), p.user(p.b, "bob", "work")
				time.Sleep(heard)
				c.do(p, home, work)
				time.Sleep(c.wait)
				p.everywhere(home, c.home)
				p.everywhere(work, "")
				p.everywhere(bob, "bob")
				time.Sleep(time.Minute)
				p.everywhere(work, "")
				if want := len(c.home) / 3; len(p.sessions(p.a, "ann")) != want {
					p.t.Errorf("%+v; want %d sessions", p.sessions(p.a, "ann"), want)
				}
			})
		})
	}
}

// TestAKeptSessionWhoseRenewalFails: rule P4. Who was excepted from the end of all goes on with the old id if the new one
// cannot be stored.
func TestAKeptSessionWhoseRenewalFails(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		home := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		p.must(p.b.DestroyAll(p.t.Context(), "ann", p.handle(home, p.a)))
		time.Sleep(heard)
		for _, s := range p.w.servers {
			s.Fail(nodetest.Only(func(op nodetest.Op) bool { return op.Write() && op.Key != listKey("ann") }, nodetest.Refuse(memcache.ErrFull)))
		}
		if w := home.request(p.a, "POST", func(s *Session) { p.must(s.Renew()) }); w.Code != http.StatusServiceUnavailable {
			p.t.Errorf("Renew: %d", w.Code)
		}
		p.is(home, p.a, "ann")
		for _, s := range p.w.servers {
			s.Fail(nil)
		}
		time.Sleep(time.Minute)
		p.everywhere(home, "ann")
		if list := p.sessions(p.b, "ann"); len(list) != 1 || list[0].Handle != p.handle(home, p.a) {
			p.t.Errorf("%+v", list)
		}
		p.must(p.b.DestroySession(p.t.Context(), "ann", p.handle(home, p.a)))
		time.Sleep(heard)
		p.everywhere(home, "")
	})
}

// TestALoginThatIsEndedBeforeItIsStored: rules P3 and P6. A session that is in the list already, and ended before it is on
// any node, is not stored.
func TestALoginThatIsEndedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{PrincipalLimit: 1}, func(p *accounts) {
		late, next := &visitor{}, &visitor{}
		var listed atomic.Bool // the list is stored
		done := make(chan struct{})
		for _, s := range p.w.servers {
			s.Fail(nodetest.Once(func(op nodetest.Op) bool {
				if op.Write() && op.Key == listKey("ann") {
					listed.Store(true)
				}
				return listed.Load() && op.Write() && op.Key != listKey("ann")
			}, func() {
				for _, s := range p.w.servers {
					s.Fail(nil)
				}
				p.logIn(next, p.b, "ann", "next")
				close(done)
			}))
		}
		late.request(p.a, "POST", func(s *Session) { p.must(s.SetPrincipal("ann")) })
		<-done
		time.Sleep(time.Minute)
		p.everywhere(next, "ann")
		p.everywhere(late, "")
		if got := p.addresses(p.a, "ann"); !slices.Equal(got, []string{"next"}) {
			p.t.Errorf("%v", got)
		}
	})
}

// TestAnEndThatFails: rule L14. If the nodes do not take the end of a session, it lives on as it is.
func TestAnEndThatFails(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		home := p.user(p.a, "ann", "home")
		home.request(p.a, "POST", func(s *Session) { s.Set("n", 1) })
		time.Sleep(heard)
		handle := p.handle(home, p.a)
		for _, s := range p.w.servers {
			s.Fail(nodetest.Full())
		}
		if err := p.a.DestroySession(p.t.Context(), "ann", handle); !errors.Is(err, ErrUnavailable) {
			p.t.Errorf("DestroySession: %v", err)
		}
		if p.a.local != nil { // otherwise it is 503 while no node takes what a look would mend
			p.is(home, p.a, "ann")
		}
		for _, s := range p.w.servers {
			s.Fail(nil)
		}
		home.request(p.a, "POST", func(s *Session) {
			if Get[int](s, "n") != 1 {
				p.t.Error("the session has lost what it had")
			}
			p.must(p.a.DestroySession(s.visit.request.Context(), "ann", handle))
			if s.Principal() != "" {
				p.t.Error("the request goes on with the session that it has ended")
			}
		})
		time.Sleep(heard)
		p.everywhere(home, "")
	})
}

// TestAnEndIsRemembered: rule P4. A session that nobody has used for long does not come back after the end of all, although
// neither the list nor a message has reached it.
func TestAnEndIsRemembered(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{IdleTimeout: time.Minute}, func(p *accounts) {
		v := &visitor{}
		v.request(p.a, "POST", func(s *Session) {
			s.SetIdleTimeout(10 * time.Minute)
			p.must(s.SetPrincipal("ann"))
		})
		time.Sleep(heard)
		p.loseList("ann")
		p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		time.Sleep(9 * time.Minute)
		p.everywhere(v, "")
	})
}

// TestStreamsOfThoseWhoWereEnded: rule E18. A stream ends with its session when all of a principal's end, also if the list has
// lost it.
func TestStreamsOfThoseWhoWereEnded(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		v := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		s, ctx, stop := p.stream(v)
		defer stop()
		p.loseList("ann")
		time.Sleep(time.Second)
		if ctx.Err() != nil {
			p.t.Errorf("it ended early: %v", ctx.Err())
		}
		p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		time.Sleep(2 * watchEvery)
		if ctx.Err() == nil {
			p.t.Error("the stream goes on")
		}
		if err := s.Reload(p.t.Context()); !errors.Is(err, ErrGone) {
			p.t.Errorf("Reload: %v", err)
		}
	})
}

// TestAStreamOfHisOwnInstance: rule E18. A stream ends at once with a session that this instance ends.
func TestAStreamOfHisOwnInstance(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		v := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		_, ctx, stop := p.stream(v)
		defer stop()
		p.must(p.a.DestroyAll(p.t.Context(), "ann"))
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), ErrGone) {
			p.t.Errorf("%v", context.Cause(ctx))
		}
	})
}
