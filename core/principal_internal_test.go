package msm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/principal"
)

// TestSessionsOfAPrincipal: SR-16, CS-31, rules P1 and P2. Whoever has logged in finds his sessions at every instance, with what is
// known of them, and ends one of them.
func TestSessionsOfAPrincipal(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		began := time.Now()
		home := p.user(p.a, "ann", "home")
		time.Sleep(10 * time.Minute)
		work := p.user(p.b, "ann", "work")
		p.user(p.b, "bob", "elsewhere")
		time.Sleep(time.Second)
		home.request(p.a, "POST", func(s *Session) {
			s.Set("n", 1)
			if list, err := p.a.Sessions(s.visit.request.Context(), "ann"); err != nil || len(list) != 2 || !list[1].Current || list[0].Current {
				p.t.Errorf("%+v, %v", list, err)
			}
		})
		time.Sleep(time.Second)
		list := p.sessions(p.b, "ann")
		if len(list) != 2 || list[0].Address != "home" || list[0].Agent != "browser of home" || list[1].Address != "work" {
			p.t.Fatalf("%+v", list)
		}
		first := list[0]
		if first.Current || first.Created.Sub(began).Abs() > time.Second || first.Login.Sub(began).Abs() > time.Second || time.Since(first.LastSeen) > 2*time.Second {
			p.t.Errorf("%+v", first)
		}
		if first.Handle != p.handle(home, p.a) || strings.Contains(home.id, first.Handle) {
			p.t.Errorf("handle %q", first.Handle)
		}
		for handle, want := range map[string]error{"none": ErrGone, "": ErrGone, first.Handle: nil} {
			if err := p.a.DestroySession(p.t.Context(), "ann", handle); !errors.Is(err, want) {
				p.t.Errorf("%q: %v; want %v", handle, err, want)
			}
		}
		time.Sleep(heard)
		p.everywhere(home, "")
		p.everywhere(work, "ann")
		if got := p.addresses(p.b, "ann"); !slices.Equal(got, []string{"work"}) {
			p.t.Errorf("%v", got)
		}
		if err := p.b.DestroySession(p.t.Context(), "ann", first.Handle); !errors.Is(err, ErrGone) {
			p.t.Errorf("once more: %v", err)
		}
		if list := p.sessions(p.a, "nobody"); list != nil {
			p.t.Errorf("%+v", list)
		}
	})
}

// TestTheListFollowsTheSession: rule P2. Under another id a session is the same entry; when it has ended it is none.
func TestTheListFollowsTheSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do     func(p *accounts, v *visitor)
		ann    []string
		bob    int
		stays  bool // under its handle
		nobody bool
	}{
		"Renew": {do: func(p *accounts, v *visitor) {
			v.request(p.a, "POST", func(s *Session) { p.must(s.Renew()) })
		}, ann: []string{"home"}, stays: true},
		"another login":            {do: func(p *accounts, v *visitor) { p.logIn(v, p.a, "ann", "train") }, ann: []string{"train"}, stays: true},
		"a login as somebody else": {do: func(p *accounts, v *visitor) { p.logIn(v, p.a, "bob", "home") }, bob: 1},
		"a logout": {do: func(p *accounts, v *visitor) {
			v.request(p.a, "POST", func(s *Session) { s.Destroy() })
		}, nobody: true},
		"a logout after a login in one request": {do: func(p *accounts, v *visitor) {
			v.request(p.a, "POST", func(s *Session) { p.must(s.SetPrincipal("bob")); s.Destroy() })
		}, nobody: true},
		"the session expires": {do: func(*accounts, *visitor) { time.Sleep(2 * time.Hour) }, nobody: true},
		"a login that panics": {do: func(p *accounts, v *visitor) {
			defer func() { _ = recover() }()
			v.request(p.a, "POST", func(s *Session) { p.must(s.SetPrincipal("bob")); panic("in the handler") })
		}, ann: []string{"home"}, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAccounts(t, Config{}, func(p *accounts) {
				v := p.user(p.a, "ann", "home")
				before := p.handle(v, p.a)
				time.Sleep(heard)
				c.do(p, v)
				time.Sleep(2 * time.Minute) // by then whatever is on no node is over
				if got := p.addresses(p.b, "ann"); !slices.Equal(got, c.ann) {
					p.t.Errorf("ann is logged in at %v; want %v", got, c.ann)
				}
				if n := len(p.sessions(p.b, "bob")); n != c.bob {
					p.t.Errorf("bob has %d sessions; want %d", n, c.bob)
				}
				if c.nobody {
					p.is(v, p.a, "")
					return
				}
				if after := p.handle(v, p.a); (after == before) != c.stays {
					p.t.Errorf("the handle was %s and is %s", before, after)
				}
			})
		})
	}
}

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
				time.Sleep(20 * time.Minute)
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

// TestLoginsTwiceAtOnce: rules P2 and E11. Of several logins with one cookie at the same moment all count, and each session
// has a handle of its own, by which it can be kept or ended alone.
func TestLoginsTwiceAtOnce(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		home := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		for _, s := range p.w.servers {
			s.Fail(nodetest.Slow(10 * time.Millisecond)) // so that none is done before another one has looked
		}
		var twins [3]visitor
		done := make(chan struct{})
		for i := range twins {
			twins[i] = *home
			go func() {
				p.logIn(&twins[i], p.a, "ann", fmt.Sprint("tab", i))
				done <- struct{}{}
			}()
		}
		for range twins {
			<-done
		}
		for _, s := range p.w.servers {
			s.Fail(nil)
		}
		time.Sleep(heard)
		handles := map[string]bool{}
		for i := range twins {
			handles[p.handle(&twins[i], p.a)] = true
		}
		if n := len(p.sessions(p.b, "ann")); n != len(twins) || len(handles) != n {
			p.t.Fatalf("%d sessions, %d handles; want %d", n, len(handles), len(twins))
		}
		p.must(p.b.DestroyAll(p.t.Context(), "ann", p.handle(&twins[1], p.a)))
		time.Sleep(heard)
		for i, want := range []string{"", "ann", ""} {
			p.is(&twins[i], p.a, want)
		}
	})
}

// TestALoginThatFailsLeavesNothing: rule P2. A login whose session cannot be stored does not count for the limit.
func TestALoginThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{PrincipalLimit: 1, PrincipalLimitRefuses: true, MaxSessionSize: 2000}, func(p *accounts) {
		v := &visitor{}
		w := v.request(p.a, "POST", func(s *Session) {
			s.Set("large", make([]byte, 5000))
			p.must(s.SetPrincipal("ann"))
		})
		if w.Code == http.StatusOK {
			p.t.Fatal("it was stored")
		}
		time.Sleep(time.Second)
		v = p.user(p.b, "ann", "home")
		time.Sleep(heard)
		p.everywhere(v, "ann")
	})
}

// TestALoginThatIsEndedBeforeItIsStored: rules P3 and P6. A session that is in the list already, and ended before it is on
// any node, is not stored.
func TestALoginThatIsEndedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{PrincipalLimit: 1}, func(p *accounts) {
		late, next, listed := &visitor{}, &visitor{}, false
		for _, s := range p.w.servers {
			s.Fail(nodetest.Once(func(op nodetest.Op) bool {
				listed = listed || op.Write() && op.Key == listKey("ann")
				return listed && op.Write() && op.Key != listKey("ann")
			}, func() {
				for _, s := range p.w.servers {
					s.Fail(nil)
				}
				p.logIn(next, p.b, "ann", "next")
			}))
		}
		late.request(p.a, "POST", func(s *Session) { p.must(s.SetPrincipal("ann")) })
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
	withAccounts(t, Config{}, func(p *accounts) {
		v := &visitor{}
		v.request(p.a, "POST", func(s *Session) {
			s.SetIdleTimeout(3 * time.Hour)
			p.must(s.SetPrincipal("ann"))
		})
		time.Sleep(heard)
		p.loseList("ann")
		p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		time.Sleep(2 * time.Hour)
		p.everywhere(v, "")
	})
}

// TestAListThatWasLost: rule P5. Sessions whose list the nodes have lost go on, and come into it again as they are used.
func TestAListThatWasLost(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		home, work := p.user(p.a, "ann", "home"), p.user(p.b, "ann", "work")
		time.Sleep(heard)
		handles := []string{p.handle(home, p.a), p.handle(work, p.b)}
		p.loseList("ann")
		for range 10 { // of these two the list is read for the first one only
			time.Sleep(checkEvery)
			p.is(home, p.a, "ann")
			time.Sleep(time.Second)
			p.is(work, p.a, "ann")
		}
		time.Sleep(heard)
		var got []string
		for _, s := range p.sessions(p.a, "ann") {
			got = append(got, s.Handle)
		}
		slices.Sort(got)
		if slices.Sort(handles); !slices.Equal(got, handles) {
			p.t.Errorf("%v; want %v", got, handles)
		}
	})
}

// TestAListOfWhichNobodyKnows: rule P4, G11. While no node can tell what the list says, what it said last counts at each
// instance: whoever was over there stays so, all others go on.
func TestAListOfWhichNobodyKnows(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		home, work := p.user(p.a, "ann", "home"), p.user(p.b, "ann", "work")
		time.Sleep(heard)
		p.loseList("ann")
		p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		for _, s := range p.w.servers {
			s.Fail(nodetest.Only(nodetest.Reads(listKey("ann")), nodetest.Refuse(memcache.ErrRefused)))
		}
		time.Sleep(2 * checkEvery)
		p.is(home, p.a, "ann")
		p.is(work, p.b, "")
		for _, s := range p.w.servers {
			s.Fail(nil)
		}
		time.Sleep(2 * checkEvery)
		p.is(home, p.a, "")
	})
}

// TestAListThatCannotBeRead: a list that was sealed with a key which is not in use any more counts as lost: logins go on, and
// all sessions can be ended.
func TestAListThatCannotBeRead(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, w *world, mode Config) {
		p := &accounts{t: t, w: w}
		mode.EncryptionKeys = [][]byte{signingKey("former")}
		former := w.routed(mode, "a")
		p.user(former, "ann", "home")
		p.user(former, "bob", "home")
		time.Sleep(heard)
		mode.EncryptionKeys = [][]byte{signingKey("new")}
		mode.PrincipalLimit, mode.PrincipalLimitRefuses = 1, true
		p.a, p.b = w.routed(mode, "a"), w.routed(mode, "b")
		time.Sleep(time.Second)
		if _, err := p.a.Sessions(t.Context(), "ann"); !errors.Is(err, ErrUnreadable) {
			t.Errorf("the list: %v", err)
		}
		ann := p.user(p.a, "ann", "work")
		time.Sleep(heard)
		if _, rec, err := p.a.principals.load(t.Context(), "ann"); err != nil || rec == nil || !rec.Deadline.IsZero() {
			t.Errorf("the new list: %+v, %v", rec, err)
		}
		p.everywhere(ann, "ann")
		if got := p.addresses(p.b, "ann"); !slices.Equal(got, []string{"work"}) {
			t.Errorf("ann is logged in at %v", got)
		}
		p.must(p.b.DestroyAll(t.Context(), "bob"))
		p.must(p.b.DestroyAll(t.Context(), "ann"))
		time.Sleep(heard)
		p.everywhere(ann, "")
	})
}

// TestAListIsSealedAnew: rule P5. A list in use is sealed with the present key by the time at which the sessions are, so that
// the former key can be left out.
func TestAListIsSealedAnew(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, w *world, mode Config) {
		p := &accounts{t: t, w: w}
		former, next := signingKey("former"), signingKey("next")
		var v *visitor
		for i, keys := range [][][]byte{{former}, {next, former}, {next}} {
			mode.EncryptionKeys = keys
			if p.a = w.routed(mode, fmt.Sprint("a", i)); i == 0 {
				v = p.user(p.a, "ann", "home")
				p.must(p.a.DestroyAll(t.Context(), "ann", p.handle(v, p.a))) // its list lasts for long
			}
			time.Sleep(time.Second)
			for range 6 {
				p.is(v, p.a, "ann")
				time.Sleep(10 * time.Minute)
			}
			if n := len(p.sessions(p.a, "ann")); n != 1 {
				t.Errorf("%d sessions", n)
			}
			if err := p.a.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestAListOfANewerProgram: rules P5 and C10. A list that a newer program has written is kept as it is, and nobody is kept
// from logging in by it.
func TestAListOfANewerProgram(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		p.user(p.a, "ann", "home")
		time.Sleep(heard)
		p.w.overwrite(listKey("ann"), ofNewerFormat)
		before := p.w.values(listKey("ann"))
		time.Sleep(checkEvery)
		work := p.user(p.b, "ann", "work")
		time.Sleep(2 * checkEvery)
		p.everywhere(work, "ann")
		for name, err := range map[string]error{"DestroyAll": p.a.DestroyAll(p.t.Context(), "ann"), "DestroySession": p.a.DestroySession(p.t.Context(), "ann", "x")} {
			if !errors.Is(err, ErrUnreadable) {
				p.t.Errorf("%s: %v", name, err)
			}
		}
		if !slices.EqualFunc(before, p.w.values(listKey("ann")), bytes.Equal) {
			p.t.Error("the list was changed")
		}
	})
}

// TestDeadEntriesLeave: rule P1. Who logs in and out again and again leaves no long list.
func TestDeadEntriesLeave(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		stays := p.user(p.b, "ann", "home")
		for range 2 * tidyFrom {
			v := p.user(p.a, "ann", "work")
			v.request(p.a, "POST", func(s *Session) { s.Destroy() })
			time.Sleep(10 * time.Second)
		}
		time.Sleep(heard)
		list, _, err := p.a.principals.load(p.t.Context(), "ann")
		if err != nil || len(list.Sessions) > tidyFrom+10 || !list.Has(p.handle(stays, p.b)) {
			p.t.Errorf("%d entries, %v", len(list.Sessions), err)
		}
	})
}

// TestADamagedList: a list of which every copy is damaged counts as lost, too.
func TestADamagedList(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		home := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		p.w.overwrite(listKey("ann"), func(value []byte) []byte { return append(value, 1) })
		time.Sleep(checkEvery)
		work := p.user(p.b, "ann", "work")
		for range 3 {
			time.Sleep(checkEvery)
			p.is(home, p.a, "ann")
			p.is(work, p.b, "ann")
		}
		time.Sleep(heard)
		if n := len(p.sessions(p.a, "ann")); n != 2 {
			p.t.Errorf("%d sessions", n)
		}
		p.w.overwrite(listKey("ann"), func(value []byte) []byte { return append(value, 1) })
		p.must(p.a.DestroyAll(p.t.Context(), "ann"))
		time.Sleep(checkEvery)
		p.everywhere(home, "")
		p.everywhere(work, "")
	})
}

// TestAListOutlivesItsNode: F-01, rule P1. A list has two copies like a session, and trouble with all nodes ends no session.
func TestAListOutlivesItsNode(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		home := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		for _, s := range p.w.servers {
			s.Fail(off)
			time.Sleep(3 * time.Second)
			if got := p.addresses(p.b, "ann"); !slices.Equal(got, []string{"home"}) {
				p.t.Errorf("without %s: %v", s.ID(), got)
			}
			p.is(home, p.a, "ann")
			p.must(p.b.DestroyAll(p.t.Context(), "ann", p.handle(home, p.a)))
			s.Fail(nil)
			time.Sleep(10 * time.Second)
		}
		p.is(home, p.a, "ann")
		for _, s := range p.w.servers {
			s.Fail(off)
		}
		for name, err := range map[string]error{"DestroyAll": p.b.DestroyAll(p.t.Context(), "ann"), "DestroySession": p.b.DestroySession(p.t.Context(), "ann", "x")} {
			if !errors.Is(err, ErrUnavailable) {
				p.t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := p.b.Sessions(p.t.Context(), "ann"); !errors.Is(err, ErrUnavailable) {
			p.t.Errorf("Sessions: %v", err)
		}
	})
}

// TestALoginWithoutAnyNode: rules L8 and P5. A sticky instance goes on without a node, also for those who log in; later they
// are in the list.
func TestALoginWithoutAnyNode(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		p.must(p.b.DestroyAll(p.t.Context(), "ann"))
		for _, s := range p.w.servers {
			s.Fail(off)
		}
		time.Sleep(3 * time.Second)
		v := &visitor{}
		code := v.request(p.a, "POST", func(s *Session) { p.must(s.SetPrincipal("ann")) }).Code
		if sticky := p.a.local != nil; (code == http.StatusOK) != sticky {
			p.t.Fatalf("login: %d", code)
		}
		for _, s := range p.w.servers {
			s.Fail(nil)
		}
		if code != http.StatusOK {
			return
		}
		for range 4 {
			time.Sleep(checkEvery)
			p.is(v, p.a, "ann")
		}
		time.Sleep(heard)
		if n := len(p.sessions(p.b, "ann")); n != 1 {
			p.t.Errorf("%d sessions", n)
		}
	})
}

// TestPrincipalLimit: SR-02, rule P6. However many log in, and at however many places at once, no more sessions of a principal
// live than may.
func TestPrincipalLimit(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{PrincipalLimit: 2}, func(p *accounts) {
		phone := p.user(p.a, "ann", "phone")
		time.Sleep(10 * time.Minute)
		home := p.user(p.a, "ann", "home")
		time.Sleep(10 * time.Minute)
		p.is(phone, p.a, "ann")
		time.Sleep(time.Second)
		work := p.user(p.b, "ann", "work")
		time.Sleep(heard)
		p.everywhere(home, "")
		p.everywhere(phone, "ann")
		p.everywhere(work, "ann")
		p.logIn(work, p.b, "ann", "work") // again, and not one more
		time.Sleep(heard)
		p.everywhere(phone, "ann")
		var crowd [6]*visitor
		var all = make(chan struct{}, len(crowd))
		for i := range crowd {
			go func() {
				crowd[i] = p.user([]*Manager{p.a, p.b}[i%2], "ann", fmt.Sprint("crowd", i))
				all <- struct{}{}
			}()
		}
		for range crowd {
			<-all
		}
		time.Sleep(checkEvery)
		alive := 0
		for _, v := range append(crowd[:], phone, work) {
			v.request(p.a, "GET", func(s *Session) {
				if s.Principal() == "ann" {
					alive++
				}
			})
		}
		if n := len(p.sessions(p.a, "ann")); alive > 2 || n > 2 || alive == 0 {
			p.t.Errorf("%d sessions live, %d are listed; want 2", alive, n)
		}
	})
}

// TestWhoEndsFirst: rule P6. Of a principal's sessions the one ends first that was used the longest ago; one of which no node
// tells anything may be in use, and ends last.
func TestWhoEndsFirst(t *testing.T) {
	t.Parallel()
	now := time.Now()
	seen := func(handle string, number uint64, used time.Time) sighting {
		return sighting{Session: principal.Session{Handle: handle, Number: number}, used: used}
	}
	list := []sighting{
		seen("unknown", 1, time.Time{}), seen("now", 2, now), seen("unknown, later", 5, time.Time{}), seen("long ago", 9, now.Add(-time.Hour)),
		seen("as long, later", 10, now.Add(-time.Hour)),
	}
	slices.SortFunc(list, sighting.compare)
	var got []string
	for _, s := range list {
		got = append(got, s.Handle)
	}
	if want := []string{"long ago", "as long, later", "now", "unknown", "unknown, later"}; !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}

// TestPrincipalLimitRefuses: SR-02, rule P6. A login beyond the limit is refused, and its handler is told; once there is room
// it is not.
func TestPrincipalLimitRefuses(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{PrincipalLimit: 1, PrincipalLimitRefuses: true}, func(p *accounts) {
		first := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		p.logIn(first, p.a, "ann", "home")
		time.Sleep(heard)
		second := &visitor{}
		try := func(want error, code int) {
			p.t.Helper()
			got := second.request(p.b, "POST", func(s *Session) {
				s.Set("cart", 1)
				if err := s.SetPrincipal("ann"); !errors.Is(err, want) {
					p.t.Errorf("%v; want %v", err, want)
				}
			}).Code
			if got != code {
				p.t.Errorf("status %d; want %d", got, code)
			}
		}
		try(ErrTooManySessions, http.StatusOK)
		p.is(second, p.b, "")
		second.request(p.b, "GET", func(s *Session) {
			if Get[int](s, "cart") != 1 {
				p.t.Error("the visitor has lost what else was set")
			}
		})
		p.everywhere(first, "ann")
		first.request(p.a, "POST", func(s *Session) {
			s.Destroy()
			p.must(s.SetPrincipal("ann"))
		})
		time.Sleep(heard)
		p.everywhere(first, "ann")
		try(ErrTooManySessions, http.StatusOK)
		first.request(p.a, "POST", func(s *Session) { s.Destroy() })
		time.Sleep(heard)
		try(nil, http.StatusOK)
		p.is(second, p.b, "ann")
	})
}

// TestStreamsOfThoseWhoWereEnded: rule E18. A stream ends with its session when all of a principal's end, also if the list has
// lost it.
func TestStreamsOfThoseWhoWereEnded(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		v := p.user(p.a, "ann", "home")
		time.Sleep(heard)
		s, err := p.a.Open(p.t.Context(), v.id)
		if err != nil {
			p.t.Fatal(err)
		}
		ctx, stop := s.Watch(p.t.Context())
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
		s, err := p.a.Open(p.t.Context(), v.id)
		if err != nil {
			p.t.Fatal(err)
		}
		ctx, stop := s.Watch(p.t.Context())
		defer stop()
		p.must(p.a.DestroyAll(p.t.Context(), "ann"))
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), ErrGone) {
			p.t.Errorf("%v", context.Cause(ctx))
		}
	})
}

// TestWhatAPrincipalCosts: rule P4. The list is read once in five seconds for all requests of a principal's sessions, and a
// session without a principal costs nothing.
func TestWhatAPrincipalCosts(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		v, stranger := p.user(p.a, "ann", "home"), &visitor{}
		stranger.request(p.a, "POST", func(s *Session) { s.Set("n", 1) })
		time.Sleep(checkEvery)
		count := func() (n int) {
			for _, s := range p.w.servers {
				n += s.Count(nodetest.Reads(listKey("ann")))
			}
			return n
		}
		before := count()
		for range 49 {
			p.is(v, p.a, "ann")
			stranger.request(p.a, "GET", func(s *Session) { s.Has("n") })
			time.Sleep(time.Second / 10)
		}
		if n := count() - before; n > 2 {
			p.t.Errorf("%d reads of the list in 5 seconds", n)
		}
	})
}

// TestNothingOfAPrincipalOnTheNodes: CS-04. The keys on the nodes tell no principal, and neither do sealed values.
func TestNothingOfAPrincipalOnTheNodes(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		v := p.user(p.a, "canary@example.org", "canaryhome")
		p.user(p.a, "canary@example.org", "canarywork")
		time.Sleep(heard)
		p.must(p.b.DestroyAll(p.t.Context(), "canary@example.org", p.handle(v, p.a)))
		time.Sleep(heard)
		for _, s := range p.w.servers {
			for _, key := range keysOn(s, "") {
				if strings.Contains(key, "canary") {
					p.t.Errorf("the key %q", key)
				}
			}
		}
		if sealed := len(p.a.config.EncryptionKeys) > 0; bytes.Contains(p.w.dump(), []byte("canary")) == sealed {
			p.t.Errorf("sealed %v: what was said of the login is, or is not, on a node", sealed)
		}
	})
}

// TestWrongPrincipals checks what SetPrincipal refuses, and what SetDevice cuts.
func TestWrongPrincipals(t *testing.T) {
	t.Parallel()
	withAccounts(t, Config{}, func(p *accounts) {
		v := &visitor{}
		v.request(p.a, "POST", func(s *Session) {
			for _, name := range []string{"", strings.Repeat("x", 256)} {
				if err := s.SetPrincipal(name); err == nil || !strings.Contains(err.Error(), "255 bytes") {
					p.t.Errorf("%d bytes: %v", len(name), err)
				}
			}
		})
		if v.id != "" {
			p.t.Error("there is a session")
		}
		name := strings.Repeat("ü\x00", 85)
		v.request(p.a, "POST", func(s *Session) {
			s.SetDevice(strings.Repeat("9", 100), "x\xff"+strings.Repeat("ü", 200))
			p.must(s.SetPrincipal(name))
		})
		time.Sleep(heard)
		list := p.sessions(p.b, name)
		if len(list) != 1 || len(list[0].Address) != 46 || list[0].Agent != "x" {
			p.t.Errorf("%+v", list)
		}
		s, err := p.a.Open(p.t.Context(), v.id)
		if err != nil {
			p.t.Fatal(err)
		}
		if err := s.SetPrincipal("bob"); !errors.Is(err, ErrCommitted) || s.Principal() != name {
			p.t.Errorf("in an opened session: %v", err)
		}
	})
}
