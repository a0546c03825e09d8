package msm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

const day = 24 * time.Hour

// shelf is a store with its test.
type shelf struct {
	*msm.Store
	t *testing.T
}

func (s shelf) commit(token, value string, life time.Duration) {
	s.t.Helper()
	if err := s.Commit(token, []byte(value), time.Now().Add(life)); err != nil {
		s.t.Errorf("Commit %s: %v", token, err)
	}
}

func (s shelf) set(key, value string, life time.Duration) {
	s.t.Helper()
	if err := s.Set(key, []byte(value), life); err != nil {
		s.t.Errorf("Set %s: %v", key, err)
	}
}

func (s shelf) delete(key string) {
	s.t.Helper()
	if err := s.Delete(key); err != nil {
		s.t.Errorf("Delete %s: %v", key, err)
	}
}

// want reads a value through the methods for scs and through those for fiber.
func (s shelf) want(key, value string) {
	s.t.Helper()
	b, found, err := s.Find(key)
	if string(b) != value || !found || err != nil {
		s.t.Errorf("Find %s: %q, %v, %v; want %q", key, b, found, err, value)
	}
	if b, err := s.Get(key); string(b) != value || b == nil || err != nil {
		s.t.Errorf("Get %s: %q, %v; want %q", key, b, err, value)
	}
}

func (s shelf) wantNone(key string) {
	s.t.Helper()
	if b, found, err := s.Find(key); b != nil || found || err != nil {
		s.t.Errorf("Find %s: %q, %v, %v; want nothing", key, b, found, err)
	}
	if b, err := s.Get(key); b != nil || err != nil {
		s.t.Errorf("Get %s: %q, %v; want nothing", key, b, err)
	}
}

func (s shelf) wantError(what string, err, want error) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("%s: %v; want %v", what, err, want)
	}
}

// TestStore runs on two memcached servers, and on the in-memory node.
func TestStore(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	for where, nodes := range map[string]string{"memcached": list, "in memory": ""} {
		m := newManager(t, msm.Config{Nodes: nodes, MaxSessionSize: 10_000})
		for name, run := range storeCases {
			t.Run(where+": "+name, func(t *testing.T) { run(shelf{m.Store(t.Name()), t}) })
		}
	}
}

// TestNobodyMeetsAtTheEmptyKey: scs deletes the empty key when a visitor without a session logs out. No node is asked
// for it, and no request waits for another one there.
func TestNobodyMeetsAtTheEmptyKey(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	s := shelf{m.Store("a"), t}
	before := m.Stats().Loads
	s.delete("")
	s.wantError("DeleteWithContext", s.DeleteWithContext(context.Background(), ""), nil)
	if after := m.Stats().Loads; after != before {
		t.Errorf("%d looks", after-before)
	}
}

var storeCases = map[string]func(s shelf){
	"a value is found until it is deleted": func(s shelf) {
		s.wantNone("k")
		s.commit("k", "a", time.Minute)
		s.want("k", "a")
		s.commit("k", "b", time.Minute)
		s.want("k", "b")
		s.delete("k")
		s.wantNone("k")
		s.delete("k")
		s.delete("never there")
	},
	"Commit leaves a deleted token dead": func(s shelf) {
		s.commit("k", "a", time.Minute)
		s.delete("k")
		s.wantError("Commit", s.Commit("k", []byte("late"), time.Now().Add(time.Minute)), msm.ErrGone)
		s.wantNone("k")
	},
	"Set writes over a deleted key": func(s shelf) {
		s.set("k", "a", time.Minute)
		s.delete("k")
		s.set("k", "b", time.Minute)
		s.want("k", "b")
		s.delete("k")
		s.wantNone("k")
	},
	"Final: Set leaves a deleted key dead": func(s shelf) {
		s.set("k", "a", time.Minute)
		s.delete("k")
		s.wantError("Set", s.Final().Set("k", []byte("late"), time.Minute), msm.ErrGone)
		s.wantNone("k")
	},
	"an expiry that is past deletes": func(s shelf) {
		s.commit("k", "a", time.Minute)
		s.commit("k", "b", -time.Second)
		s.wantNone("k")
		s.set("l", "a", time.Minute)
		s.set("l", "b", -time.Second)
		s.wantNone("l")
		s.commit("m", "never", -100*365*day)
		s.wantNone("m")
	},
	"no expiry, more than 30 days, and the end of time": func(s shelf) {
		s.set("zero", "a", 0)
		s.want("zero", "a")
		s.commit("31 days", "a", 31*day)
		s.want("31 days", "a")
		s.wantError("Commit", s.Commit("end", []byte("a"), time.Unix(1<<60, 0)), nil)
		s.want("end", "a")
		s.delete("end")
		s.wantNone("end")
	},
	"an empty value is a value for Commit, and nothing for Set": func(s shelf) {
		s.commit("empty", "", time.Minute)
		s.want("empty", "")
		s.wantError("Commit nil", s.Commit("nil", nil, time.Now().Add(time.Minute)), nil)
		s.want("nil", "")
		s.set("set", "", time.Minute)
		s.wantNone("set")
	},
	"no key is a key for Commit, and nothing for Set": func(s shelf) {
		s.set("", "a", time.Minute)
		s.wantNone("")
		s.delete("")
		s.commit("", "a", time.Minute)
		s.want("", "a")
	},
	"any key, and any value": func(s shelf) {
		value := string([]byte{0, '\r', '\n', 0xff})
		for _, key := range []string{" ", "a b\r\n\x00", strings.Repeat("é", 1000), "../../etc"} {
			s.commit(key, value, time.Minute)
			s.want(key, value)
		}
	},
	"too large a value leaves the old one": func(s shelf) {
		s.commit("k", "a", time.Minute)
		s.wantError("Commit", s.Commit("k", bytes.Repeat([]byte("x"), 10_001), time.Now().Add(time.Minute)), msm.ErrTooLarge)
		s.want("k", "a")
	},
	"the caller keeps the bytes of both": func(s shelf) {
		value := []byte("abc")
		s.wantError("Commit", s.Commit("k", value, time.Now().Add(time.Minute)), nil)
		value[0] = 'X'
		s.want("k", "abc")
		got, _, _ := s.Find("k")
		got[0] = 'X'
		s.want("k", "abc")
	},
	"a context that is over": func(s shelf) {
		s.commit("k", "a", time.Minute)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, found, err := s.FindCtx(ctx, "k")
		s.wantError("Find", err, context.Canceled)
		if found {
			s.t.Error("found")
		}
		s.wantError("Commit", s.CommitCtx(ctx, "k", []byte("b"), time.Now().Add(time.Minute)), context.Canceled)
		s.wantError("Set", s.SetWithContext(ctx, "k", []byte("b"), time.Minute), context.Canceled)
		s.wantError("Delete", s.DeleteCtx(ctx, "k"), context.Canceled)
		s.want("k", "a")
	},
	"Reset says that it cannot, and Close closes nothing": func(s shelf) {
		s.set("k", "a", time.Minute)
		s.wantError("Reset", s.Reset(), errors.ErrUnsupported)
		s.wantError("Reset", s.ResetWithContext(context.Background()), errors.ErrUnsupported)
		s.wantError("Close", s.Close(), nil)
		s.want("k", "a")
	},
	"many writers of one new key": func(s shelf) {
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				s.set("k", fmt.Sprint(i), time.Minute)
				if b, err := s.Get("k"); len(b) == 0 || err != nil {
					s.t.Errorf("%q, %v", b, err)
				}
			})
		}
		all.Wait()
		s.delete("k")
		s.wantNone("k")
	},
}

// TestLifeOfAValue checks when values expire, in fake time.
func TestLifeOfAValue(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(s shelf){
		"a value expires on time, and its key can be used again at once": func(s shelf) {
			for _, value := range []string{"a", "b"} {
				s.commit("k", value, 150*time.Millisecond)
				time.Sleep(149 * time.Millisecond)
				s.want("k", value)
				time.Sleep(2 * time.Millisecond)
				s.wantNone("k")
			}
		},
		"the last expiry counts, be it earlier or later": func(s shelf) {
			s.commit("k", "long", time.Hour)
			s.commit("k", "short", 100*time.Millisecond)
			time.Sleep(101 * time.Millisecond)
			s.wantNone("k")
			s.commit("k", "long", time.Hour)
			time.Sleep(30 * time.Second)
			s.want("k", "long")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for where, m := range map[string]*msm.Manager{"memcached": newNetwork(t, 2).manager(msm.Config{}), "in memory": newManager(t, msm.Config{})} {
					t.Log(where)
					run(shelf{m.Store("a"), t})
				}
			})
		})
	}
}

func TestAStoreReachesNoSessionAndNoOtherStore(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	a := serve(t, counting(m))
	a.do("POST", "/")
	id := a.browser.Jar.Cookies(mustURL(a.URL))[0].Value
	for _, name := range []string{"", "a", "b"} {
		s := shelf{m.Store(name), t}
		s.wantNone(id)
		s.delete(id)
		s.set(id, "of store "+name, time.Minute)
	}
	if _, body := a.do("POST", "/"); body != "2" {
		t.Errorf("counted %s; want 2", body)
	}
	for _, name := range []string{"", "a", "b"} {
		shelf{m.Store(name), t}.want(id, "of store "+name)
	}
	s := shelf{m.Store("a"), t}
	s.set("k", "v", time.Minute)
	req, _ := http.NewRequest("GET", a.URL, nil)
	req.AddCookie(&http.Cookie{Name: "SESSION", Value: "k"})
	if _, body := (&app{a.Server, a.Client(), t}).send(req); body != "0" {
		t.Errorf("with a store's key as its cookie a session counts %s", body)
	}
}

func TestTheStoreOfAClosedManager(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	s := shelf{m.Store("a"), t}
	s.set("k", "a", time.Minute)
	_ = m.Close(context.Background())
	_, _, err := s.Find("k")
	s.wantError("Find", err, msm.ErrClosed)
	s.wantError("Commit", s.Commit("k", nil, time.Now().Add(time.Hour)), msm.ErrClosed)
	s.wantError("Delete", s.Delete("k"), msm.ErrClosed)
}

// fleet is two instances on the same memcached servers.
type fleet struct {
	t       *testing.T
	servers map[string]*msmtest.Server
	managers
	one, two shelf
}

type managers []*msm.Manager

// startFleet starts a fleet whose OpTimeout suits nodes that hang.
func startFleet(t *testing.T, nodes int) *fleet {
	list, servers := startServers(t, nodes)
	f := &fleet{t: t, servers: servers}
	for range 2 {
		f.managers = append(f.managers, newManager(t, msm.Config{Nodes: list, OpTimeout: hangTimeout}))
	}
	f.one, f.two = shelf{f.managers[0].Store("a"), t}, shelf{f.managers[1].Store("a"), t}
	return f
}

func (f *fleet) waitUntilAllUp() {
	f.t.Helper()
	waitFor(f.t, "all nodes up", func() bool {
		for _, m := range f.managers {
			for _, n := range m.Stats().Nodes {
				if n.State != msm.NodeUp {
					return false
				}
			}
		}
		return true
	})
}

func (f *fleet) waitForRefill(node string, after time.Time) {
	f.t.Helper()
	for _, m := range f.managers {
		waitForRefill(f.t, m, node, after)
	}
}

// waitForWhatIsOwed waits until a node that has lost nothing has what changed without it.
func (f *fleet) waitForWhatIsOwed(node string, _ time.Time) {
	f.t.Helper()
	f.waitUntilAllUp()
	waitFor(f.t, node+" to get what it is owed", func() bool {
		owed := 0
		for _, m := range f.managers {
			for _, n := range m.Stats().Nodes {
				owed += n.Owed
			}
		}
		return owed == 0
	})
}

func (f *fleet) fullLoads() (n uint64) {
	for _, m := range f.managers {
		n += m.Stats().FullLoads
	}
	return n
}

const values = 30

func (f *fleet) each(do func(key string)) {
	for i := range values {
		do(fmt.Sprint("k", i))
	}
}

// TestAStoreOutlivesItsNodes checks that acknowledged values are there and deleted ones are not, whichever node dies.
func TestAStoreOutlivesItsNodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes  int
		during func(s *msmtest.Server) // called before half of the values change
		after  func(s *msmtest.Server)
		mended func(f *fleet, node string, after time.Time)
	}{
		"one of two dies and comes back empty":      {2, (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
		"one of three dies and comes back empty":    {3, (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
		"one of two hangs and comes back with all":  {2, (*msmtest.Server).Stop, (*msmtest.Server).Continue, (*fleet).waitForWhatIsOwed},
		"one of three hangs and comes back the old": {3, (*msmtest.Server).Stop, (*msmtest.Server).Continue, (*fleet).waitForWhatIsOwed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, c.nodes)
			f.each(func(k string) {
				f.one.commit(k, "old", time.Hour)
				f.one.commit("gone"+k, "old", time.Hour)
			})
			check := func(want string) {
				t.Helper()
				f.each(func(k string) {
					f.one.want(k, want)
					f.two.want(k, want)
				})
			}
			c.during(f.servers["n1"])
			check("old")
			f.each(func(k string) {
				f.one.commit(k, "new", time.Hour)
				f.one.delete("gone" + k)
				f.two.commit("made"+k, "new", time.Hour)
			})
			check("new")
			began := time.Now()
			c.after(f.servers["n1"])
			f.waitUntilAllUp()
			check("new")
			f.each(func(k string) {
				f.one.want("made"+k, "new")
				f.two.wantNone("gone" + k)
				f.two.wantError("Commit", f.two.Commit("gone"+k, []byte("late"), time.Now().Add(time.Hour)), msm.ErrGone)
			})
			c.mended(f, "n1", began)
			healed(t, f.managers...)
			check("new") // a repair may have moved what the other instance knew
			healed(t, f.managers...)
			waitFor(t, "looks at one node each, for all are known", func() bool {
				before := f.fullLoads() // of values that are still repaired, too
				check("new")
				return f.fullLoads() == before
			})
			f.servers["n2"].Kill()
			check("new")
			f.each(func(k string) { f.two.wantNone("gone" + k) })
		})
	}
}

// TestAShortLifeAfterALongOne checks that the copy of a long-lived value, on a node that was away, does not come back.
func TestAShortLifeAfterALongOne(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 3)
	f.each(func(k string) { f.one.set(k, "long", time.Hour) })
	f.servers["n1"].Stop()
	f.each(func(k string) { f.one.set(k, "short", time.Second) })
	f.servers["n1"].Continue()
	f.waitUntilAllUp()
	time.Sleep(3500 * time.Millisecond) // memcached's clock is coarse, and records outlive their time by 2 s
	f.each(func(k string) {
		f.one.wantNone(k)
		f.two.wantNone(k)
	})
}

// TestAStoreUnderFaults checks that the one writer of each key sees what it wrote, whichever node fails meanwhile. With
// three nodes and one fault at a time nothing may fail.
func TestAStoreUnderFaults(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 3)
	waitForFirstRefills(t, f.managers...)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	rounds := make([]atomic.Int64, 8)
	for i := range rounds {
		s := []shelf{f.one, f.two}[i%2]
		writers.Go(func() { s.follow(fmt.Sprint("k", i), &rounds[i], stop) })
	}
	for _, fault := range []struct {
		node         string
		begins, ends func(*msmtest.Server)
		mended       func(f *fleet, node string, after time.Time)
	}{
		{"n1", (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
		{"n2", (*msmtest.Server).Stop, (*msmtest.Server).Continue, (*fleet).waitForWhatIsOwed},
		{"n3", (*msmtest.Server).Kill, (*msmtest.Server).Restart, (*fleet).waitForRefill},
	} {
		waitForRounds(t, rounds, 8)
		began := time.Now()
		fault.begins(f.servers[fault.node])
		waitForRounds(t, rounds, 8)
		fault.ends(f.servers[fault.node])
		fault.mended(f, fault.node, began) // before that another fault would be a second one
	}
	close(stop)
	writers.Wait()
}

// follow writes a key again and again, deletes it now and then, and reads it after each.
func (s shelf) follow(key string, rounds *atomic.Int64, stop <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-stop:
			s.t.Logf("%s: %d rounds", key, n)
			return
		default:
		}
		if n%7 == 0 {
			s.delete(key)
			s.wantNone(key)
		} else {
			s.set(key, fmt.Sprint(n), time.Hour)
			s.want(key, fmt.Sprint(n))
		}
		rounds.Add(1)
		time.Sleep(10 * time.Millisecond)
	}
}

func TestStoreTroubleIsNotAbsence(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2)
	f.one.commit("k", "a", time.Minute)
	f.servers["n1"].Kill()
	f.servers["n2"].Kill()
	_, found, err := f.one.Find("k")
	f.one.wantError("Find", err, msm.ErrUnavailable)
	if b, err := f.one.Get("k"); b != nil || found || !errors.Is(err, msm.ErrUnavailable) {
		t.Errorf("%q, %v, %v", b, found, err)
	}
	f.one.wantError("Commit", f.one.Commit("k", nil, time.Now().Add(time.Hour)), msm.ErrUnavailable)
	f.one.wantError("Set", f.one.Set("k", []byte("a"), 0), msm.ErrUnavailable)
	f.one.wantError("Delete", f.one.Delete("k"), msm.ErrUnavailable)
}

// TestWhatAStoreSends checks that reading a value that lies where it is looked for costs one command.
func TestWhatAStoreSends(t *testing.T) {
	t.Parallel()
	proxy := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
	s := shelf{newManager(t, msm.Config{Nodes: proxy.Addr()}).Store("a"), t}
	s.commit("secret", "a", 31*day)
	proxy.Reset()
	_, _, _ = s.Find("secret")
	sent := slices.DeleteFunc(proxy.Commands(), func(c string) bool { _, rest, _ := strings.Cut(c, " "); return ofNodes(rest) })
	if len(sent) != 1 || !strings.HasPrefix(sent[0], "gets msm:") {
		t.Errorf("%q", sent)
	}
	if strings.Contains(sent[0], "secret") {
		t.Error("the key is readable")
	}
}
