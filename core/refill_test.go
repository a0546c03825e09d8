package msm_test

import (
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
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
			heals, began := c.manager.Stats().Heals, time.Now()
			fault(c, func() {
				v.each(func(i int) {
					if i%4 == 0 {
						v.count(i)
					}
				})
				v.logOut(func(i int) bool { return i%4 == 1 })
			})
			r := waitForRefill(t, c.manager, "n1", began)
			if c.manager.Stats().Heals == heals || r.Done != r.Total || r.Failed != 0 { // after an interruption the counts are those of the last try
				t.Errorf("%+v", r)
			}
			t.Logf("%+v, %v after the fault began", r, r.Ended.Sub(began))
			c.servers["n2"].Kill()
			v.check()
		})
	}
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
	begins := func() bool {
		r := refillOf(second.manager, "n1")
		return r != nil && (r.State != msm.RefillWaiting || r.Done > 0)
	}
	before := refillOf(first.manager, "n1").Done
	waitFor(t, "two more sessions, which take a second, in which the other one would have begun", func() bool {
		r := refillOf(first.manager, "n1")
		return begins() || r.State == msm.RefillRunning && r.Done >= before+2
	})
	if begins() { // allowed only if the first one has lost its lock, because this process stood still
		waitFor(t, "the first one to give up", func() bool { return refillOf(first.manager, "n1").State != msm.RefillRunning })
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
	healed(t, c.manager)
	waitForWhatIsOwed(t, c.manager)
	t.Logf("%+v; %s", r, busy.told())
	busy.check()
	c.servers["n2"].Kill()
	busy.check()
	idle.check()
}
