package msm_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestWhoOwesANodeEnds: G1. While the backup of a session is away, the session is written. The instance that knows what the backup
// has missed ends before it is back, and then the session's home is lost. What was acknowledged is there.
func TestWhoOwesANodeEnds(t *testing.T) {
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true, Backups: 1}} {
		for ends, c := range map[string]struct {
			end   func(w *network, m *msm.Manager)
			after time.Duration // of the write
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
						time.Sleep(80 * time.Second) // so that it has not reached the backup when that is given up
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

// TestWhoOwesANodeGoesOn: while it does, however long the node is away, and when it has brought the node what that missed, the node keeps
// its epoch: nothing else on it is touched.
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
