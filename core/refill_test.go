package msm_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// TestRefill: G3. Sessions that nobody visits survive the death of the second node, because the first one was refilled
// when it came back. A logout stays final.
func TestRefill(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(c *cluster, meanwhile func()){
		"after a restart without data": func(c *cluster, meanwhile func()) {
			meanwhile()
			c.servers["n1"].Kill()
			c.servers["n1"].Restart()
		},
		"after an outage that requests met": func(c *cluster, meanwhile func()) {
			c.servers["n1"].Kill()
			meanwhile()
			c.servers["n1"].Restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const sessions = 200
			c := startFragile(t, 2)
			waitForFirstRefills(t, c.manager)
			v := c.visitors(sessions)
			v.each(v.count)
			began := time.Now()
			fault(c, func() {
				v.each(func(i int) {
					if i%4 == 0 {
						v.count(i)
					}
				})
				v.logOut(func(i int) bool { return i%4 == 1 })
			})
			r := waitForRefill(t, c.manager, "n1", began)
			if r.Healed == 0 || r.Done != r.Total || r.Failed != 0 { // after an interruption the counts are those of the last try
				t.Errorf("%+v", r)
			}
			t.Logf("%+v, %v after the fault began", r, r.Ended.Sub(began))
			c.servers["n2"].Kill()
			v.check()
		})
	}
}

// TestWhatANodeIsOwed: G3. A node hangs, and comes back with old values. It gets what has changed without it, and
// nothing else, although nobody visits these sessions; so they survive the death of the other node. A logout stays
// final.
func TestWhatANodeIsOwed(t *testing.T) {
	t.Parallel()
	c := startFragile(t, 2)
	waitForFirstRefills(t, c.manager)
	v := c.visitors(200)
	v.each(v.count)
	c.servers["n1"].Stop()
	v.each(func(i int) {
		if i%4 == 0 {
			v.count(i)
		}
	})
	v.logOut(func(i int) bool { return i%4 == 1 })
	c.servers["n1"].Continue()
	owed := func() (n int) {
		for _, s := range c.manager.Stats().Nodes {
			n += s.Owed
		}
		return n
	}
	waitFor(t, "n1 to get what it is owed", func() bool { return owed() == 0 })
	c.servers["n2"].Kill()
	v.check()
}

// waitForRefill waits until a refill of the node has ended after that moment.
func waitForRefill(t testing.TB, m *msm.Manager, id string, after time.Time) (r msm.RefillStats) {
	t.Helper()
	waitFor(t, "the refill of "+id, func() bool {
		if s := refillOf(m, id); s != nil {
			r = *s
		}
		return r.Ended.After(after) && r.State == msm.RefillDone
	})
	return r
}

// waitForFirstRefills waits for the refills that all nodes get as new nodes. They have nothing to do yet; later they
// would do the work of others.
func waitForFirstRefills(t testing.TB, managers ...*msm.Manager) {
	t.Helper()
	for _, m := range managers {
		for _, n := range m.Stats().Nodes {
			waitForRefill(t, m, n.ID, time.Time{})
		}
	}
}

// each calls do for each visitor, for 32 of them at the same time.
func (v *visitors) each(do func(i int)) {
	var all sync.WaitGroup
	for worker := range 32 {
		all.Go(func() {
			for i := worker; i < len(v.clients); i += 32 {
				do(i)
			}
		})
	}
	all.Wait()
}

// logOut logs some visitors out, who keep their old cookies.
func (v *visitors) logOut(who func(i int) bool) {
	v.each(func(i int) {
		if !who(i) {
			return
		}
		old := v.cluster.cookie(v.clients[i])
		req, _ := http.NewRequest("POST", v.cluster.URL+"/logout", nil)
		a := &app{v.cluster.Server, v.clients[i], v.cluster.t}
		if resp, _ := a.send(req); resp.StatusCode != 200 {
			v.cluster.t.Errorf("visitor %d: logout answers %d", i, resp.StatusCode)
		}
		v.clients[i].Jar.SetCookies(mustURL(v.cluster.URL), []*http.Cookie{{Name: "SESSION", Value: old, Path: "/"}})
		v.acked[i] = 0
	})
}

// TestRefillAfterANodeWasRemoved checks that its sessions have two copies again before the next node fails.
func TestRefillAfterANodeWasRemoved(t *testing.T) {
	t.Parallel()
	const sessions = 100
	c := startCluster(t, 3)
	waitForFirstRefills(t, c.manager)
	v := c.visitors(sessions)
	v.each(v.count)
	began := time.Now()
	if err := c.manager.SetNodes("n2:"+c.servers["n2"].Addr()+",n3:"+c.servers["n3"].Addr(), ""); err != nil {
		t.Fatal(err)
	}
	c.servers["n1"].Kill()
	waitForRefill(t, c.manager, "n2", began)
	c.servers["n2"].Kill()
	v.check()
}

// TestRefillByTwoInstances checks that one instance refills, and that the other one finishes when the first one ends
// half-way.
func TestRefillByTwoInstances(t *testing.T) {
	t.Parallel()
	const sessions = 400
	list, servers := startServers(t, 2)
	instance := func(rate int) *cluster {
		m := newManager(t, msm.Config{Nodes: list, RefillRate: rate})
		return &cluster{serve(t, counting(m)), m, servers}
	}
	first := instance(1) // so slow that it takes minutes, however busy the machine is
	waitForFirstRefills(t, first.manager)
	v := first.visitors(sessions)
	v.each(v.count)
	began := time.Now()
	servers["n1"].Kill()
	servers["n1"].Restart()

	does := func(more int) {
		t.Helper()
		var from *msm.RefillStats
		waitFor(t, "a part of the refill", func() bool {
			r := refillOf(first.manager, "n1")
			if r.State == msm.RefillRunning && from == nil {
				from = r
			}
			return from != nil && r.Done >= from.Done+more
		})
	}
	does(2)
	second := instance(2000)
	does(2) // that takes a second, in which the other one would have begun
	if r := refillOf(second.manager, "n1"); r != nil && (r.State != msm.RefillWaiting || r.Done > 0) {
		t.Errorf("the other instance: %+v", r)
	}
	done := refillOf(first.manager, "n1").Done
	if err := first.manager.Close(t.Context()); err != nil {
		t.Error(err)
	}
	rest := waitForRefill(t, second.manager, "n1", began)
	if rest.Total == 0 || rest.Total >= sessions {
		t.Errorf("%+v after %d: it has begun anew", rest, done)
	}
	servers["n2"].Kill()
	v.cluster = second // cookies do not depend on the port
	v.check()
}

// TestRefillUnderLoad checks that requests go on, and lose nothing.
func TestRefillUnderLoad(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2)
	waitForFirstRefills(t, c.manager)
	idle, busy := c.visitors(300), c.visitors(32)
	idle.each(idle.count)
	began := time.Now()
	busy.begin()
	c.servers["n1"].Kill()
	c.servers["n1"].Restart()
	r := waitForRefill(t, c.manager, "n1", began)
	busy.end()
	t.Logf("%+v; %s", r, busy.told())
	busy.check()
	c.servers["n2"].Kill()
	busy.check()
	idle.check()
}

// TestRefillIsForbidden checks that servers that do not list their keys are logged once, and that copies are repaired
// on access.
func TestRefillIsForbidden(t *testing.T) {
	t.Parallel()
	refillIsForbidden(t, msmtest.StartServer(t, "-o", "no_lru_crawler"), msmtest.StartServer(t, "-X"), nil)
}

func refillIsForbidden(t *testing.T, n1, n2 *msmtest.Server, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	log := &logged{}
	m := newManager(t, msm.Config{Nodes: "n1:" + n1.Addr() + ",n2:" + n2.Addr(), DialContext: dial, Logger: slog.New(slog.NewTextHandler(log, nil))})
	c := &cluster{serve(t, counting(m)), m, map[string]*msmtest.Server{"n1": n1, "n2": n2}}
	unlisted := func() bool { s := refillOf(c.manager, "n1"); return s != nil && s.State == msm.RefillUnlisted }
	waitFor(t, "the first look", unlisted)
	v := c.visitors(50)
	v.each(v.count)
	n1.Kill()
	waitFor(t, "the outage to be noticed", func() bool { return !c.settled() })
	n1.Restart()
	waitFor(t, "the attempt", func() bool { return c.settled() && unlisted() })
	if r := refillOf(c.manager, "n1"); r.Total != 0 || r.Healed != 0 {
		t.Errorf("%+v", r)
	}
	v.each(func(i int) { v.ask(i, "GET") })
	healed(t, m)
	n2.Kill()
	v.check()
	if n := log.count("a node does not list"); n != 2 {
		t.Errorf("said %d times", n)
	}
}

// logged is a log that tests can read while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// refillOf returns the state of a node's refill.
func refillOf(m *msm.Manager, id string) *msm.RefillStats {
	for _, n := range m.Stats().Nodes {
		if n.ID == id {
			return n.Refill
		}
	}
	return nil
}

// TestARefillThatIsForbiddenIsSaidOnce checks that it is logged once for each server, not whenever a node comes back.
func TestARefillThatIsForbiddenIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, log := newNetwork(t, 3), &logged{}
		w.servers["n1"].unlist, w.servers["n2"].unlist = true, true
		m := w.manager(msm.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
		for range 3 {
			begin(t, m, func(s *msm.Session) { add(s) })
			time.Sleep(20 * time.Second)
			w.servers["n3"].halt()
			time.Sleep(time.Second)
			w.servers["n3"].goOn()
		}
		time.Sleep(20 * time.Second)
		if n := log.count("a node does not list"); n != 2 {
			t.Errorf("said %d times", n)
		}
		for _, id := range []string{"n1", "n2", "n3"} {
			if r := refillOf(m, id); r == nil || r.State != msm.RefillUnlisted {
				t.Errorf("%s: %+v", id, r)
			}
		}
	})
}
