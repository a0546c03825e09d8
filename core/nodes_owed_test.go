package msm_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestWhoOwesANodeEnds: G1. A session is written while its backup is away. The instance that knows what the backup has
// missed ends before the backup is back; after that the session's primary is lost. The acknowledged write is still
// there.
func TestWhoOwesANodeEnds(t *testing.T) {
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true, Backups: 1}} {
		for ends, c := range map[string]struct {
			end   func(w *network, m *msm.Manager)
			after time.Duration // how long after the write
			begun bool          // the other instance begins while the backup is away
		}{
			"is told to":                      {func(_ *network, m *msm.Manager) { _ = m.Close(context.Background()) }, time.Second, false},
			"is told to, in a rolling deploy": {func(_ *network, m *msm.Manager) { _ = m.Close(context.Background()) }, time.Second, true},
			"reaches nothing more":            {func(w *network, _ *msm.Manager) { w.cut("a") }, 10 * time.Second, false},
		} {
			t.Run(mode+", "+ends, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newNetwork(t, 2)
					a, b := config, config
					if a.Sticky {
						a.Route, b.Route = "a", "b"
					}
					first := w.managerOf("a", a)
					var other *msm.Manager
					if !c.begun {
						other = w.managerOf("b", b)
					}
					id := begin(t, first, func(s *msm.Session) { s.Set("n", 1) })
					home, backup := w.servers["n1"], w.servers["n2"]
					if nodeOf(id)[:2] == "n2" {
						home, backup = backup, home
					}
					time.Sleep(time.Minute)
					backup.halt()
					time.Sleep(2 * time.Second)
					visit(first, id, func(s *msm.Session) { s.Set("n", 2) })
					time.Sleep(c.after)
					if c.begun {
						other = w.managerOf("b", b)
					}
					c.end(w, first)
					if c.begun {
						time.Sleep(80 * time.Second) // the other instance has never reached the backup when that is given up
					}
					time.Sleep(10 * time.Second)
					backup.goOn()
					time.Sleep(2 * time.Minute)
					home.halt()
					defer home.goOn()
					time.Sleep(5 * time.Second)
					n := 0
					if visit(other, id, func(s *msm.Session) { n = msm.Get[int](s, "n") }); n != 2 {
						t.Errorf("n = %d", n)
					}
				})
			})
		}
	}
}

// TestWhoOwesANodeGoesOn checks that a node keeps its epoch, however long it is away, while the instance lives that
// knows what it has missed, and afterwards: nothing else on it is touched.
func TestWhoOwesANodeGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 3)
		first := w.manager(msm.Config{})
		w.manager(msm.Config{})
		id := begin(t, first, func(s *msm.Session) { s.Set("n", 1) })
		time.Sleep(time.Minute)
		away := w.servers[nodeOf(id)[:2]]
		before := away.value("msm:epoch")
		away.halt()
		time.Sleep(2 * time.Second)
		visit(first, id, func(s *msm.Session) { s.Set("n", 2) })
		time.Sleep(5 * time.Minute)
		away.goOn()
		time.Sleep(10 * time.Second)
		_ = first.Close(context.Background())
		time.Sleep(2 * time.Minute)
		if after := away.value("msm:epoch"); before == "" || after != before {
			t.Errorf("the node's epoch was %q, and is %q", before, after)
		}
	})
}

// TestATimeoutBesideADeadNode: G6, G11, rule C21. Without backups, another node has been down for long. A write runs out
// of time once on the session's node, and is stored by the next attempt, whenever the node was probed last: the session is
// neither gone nor does its logout do nothing.
func TestATimeoutBesideADeadNode(t *testing.T) {
	t.Parallel()
	for i := range 30 {
		moment := time.Duration(i) * 10 * time.Millisecond // 30 of them: probes are at most 300 ms apart
		t.Run(moment.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { timeoutBesideADeadNode(t, moment) })
		})
	}
}

func timeoutBesideADeadNode(t *testing.T, moment time.Duration) {
	w := newNetwork(t, 2)
	m := w.manager(msm.Config{Backups: msm.NoBackup})
	id := begin(t, m, addOne)
	for !strings.HasPrefix(nodeOf(id), "n1") {
		id = begin(t, m, addOne)
	}
	w.servers["n2"].halt()
	defer w.servers["n2"].goOn()
	time.Sleep(2*time.Minute + moment)
	resp := visit(m, id, func(s *msm.Session) {
		add(s)
		w.servers["n1"].halt()
		time.AfterFunc(120*time.Millisecond, w.servers["n1"].goOn)
	})
	if resp.StatusCode != 200 {
		t.Errorf("the write: %d", resp.StatusCode)
	}
	visit(m, id, func(s *msm.Session) {
		if n := count.Get(s); n != 2 {
			t.Errorf("a moment later it counts %d; want 2", n)
		}
	})
	visit(m, id, func(s *msm.Session) { s.Destroy() })
	time.Sleep(2 * time.Second)
	visit(m, id, func(s *msm.Session) {
		if count.Get(s) != 0 {
			t.Error("it is there after the logout")
		}
	})
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
	waitForWhatIsOwed(t, c.manager)
	c.servers["n2"].Kill()
	v.check()
}
