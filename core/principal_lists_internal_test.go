package msm

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
)

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

// TestAListOfWhichNobodyKnows: G11, rule P4. While no node can tell what the list says, what it said last counts at each
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
		mode.IdleTimeout = 3 * time.Minute
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
				time.Sleep(time.Minute)
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
