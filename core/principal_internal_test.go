package msm

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
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
		"the session expires": {do: func(*accounts, *visitor) { time.Sleep(10 * time.Minute) }, nobody: true},
		"a login that panics": {do: func(p *accounts, v *visitor) {
			defer func() { _ = recover() }()
			v.request(p.a, "POST", func(s *Session) { p.must(s.SetPrincipal("bob")); panic("in the handler") })
		}, ann: []string{"home"}, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withAccounts(t, Config{IdleTimeout: 5 * time.Minute}, func(p *accounts) {
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
