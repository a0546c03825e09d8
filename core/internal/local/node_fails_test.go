package local_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestNodeFails checks what a sticky instance makes of the faults F-01 to F-09 of a node.
func TestNodeFails(t *testing.T) {
	for name, c := range map[string]struct {
		servers, backups int
		test             func(w *world, a *instance)
	}{
		"the next request moves the session, and its id names the new node": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			time.Sleep(time.Second)
			node := nodeOf(a.Get("t"))
			if node == old {
				w.t.Error("the id names the dead node")
			}
			settle()
			if got := w.holds("t"); !slices.Contains(got, node) {
				w.t.Errorf("on %v", got)
			}
			w.wantStored("t", node, "n", "1")
		}},
		"a change while the node is dead goes to another one": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.servers[nodeOf(s)].Fail(off)
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"the old node comes back with the old session, which nobody believes": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			a.must(change(s, plus("n", 1)))
			settle()
			w.servers[old].Fail(nil)
			time.Sleep(10 * time.Second)
			w.wantStored("t", old, "n", "2") // the old cookie
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"the one node is back empty: the session is stored again from memory, without a request": {1, 0, func(w *world, a *instance) {
			a.begin("t")
			settle()
			w.servers["n1"].Restart(nil)
			settle()
			w.wantStored("t", "n1", "n", "1")
		}},
		"a node that only missed a beat keeps its sessions": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			time.Sleep(time.Second)
			w.servers[old].Fail(nil)
			time.Sleep(10 * time.Second)
			if got := w.holds("t"); fmt.Sprint(got) != fmt.Sprint([]string{old}) {
				w.t.Errorf("on %v; it was on %s", got, old)
			}
		}},
		"the primary of two copies dies: there are two again, settled, without a request": {3, 1, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			a.must(change(s, plus("n", 1)))
			settle()
			got := 0
			for _, id := range w.holds("t") {
				rec := w.stored(id, "t")
				if id != old && !rec.Unsettled && len(rec.Copies) == 2 {
					got++
				}
			}
			if got != 2 {
				w.t.Errorf("%d good copies", got)
			}
		}},
		"a node stays away: its sessions get another one, without a request": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			old := nodeOf(s)
			w.servers[old].Fail(off)
			time.Sleep(15 * time.Second)
			a.crash()
			w.wantStored("t", old, "n", "1")
		}},
		"the backup is back empty: it is filled again": {2, 1, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			for id, server := range w.servers {
				if id != nodeOf(s) {
					server.Restart(nil)
				}
			}
			settle()
			if got := w.holds("t"); len(got) != 2 {
				w.t.Errorf("on %v", got)
			}
		}},
		"every node is down: memory serves, id unchanged; the change is stored when one is back": {2, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			w.all(off)
			a.must(change(s, plus("n", 1)))
			time.Sleep(time.Minute)
			s = a.Get("t")
			if s == nil || value(s, "n") != "2" || nodeOf(s) != node {
				w.t.Fatal("it is not served as before")
			}
			w.all(nil)
			time.Sleep(10 * time.Second)
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"a session that began without any node gets one later": {2, 0, func(w *world, a *instance) {
			w.all(off)
			time.Sleep(10 * time.Second)
			s := a.begin("t")
			if nodeOf(s) != "" {
				w.t.Errorf("it is on %s", nodeOf(s))
			}
			a.must(change(s, plus("n", 1)))
			w.all(nil)
			time.Sleep(10 * time.Second)
			if nodeOf(s) == "" {
				w.t.Error("it has no node")
			}
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"a write that was done although it failed is not done twice": {1, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.servers["n1"].Fail(mute(1))
			a.must(change(s, plus("n", 1)))
			settle()
			if got := value(s, "n"); got != "2" {
				w.t.Errorf("n = %s", got)
			}
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", "n1", "n", "3")
		}},
		"nor is one that was done although it failed, with another one after it": {1, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.servers["n1"].Fail(mute(1))
			a.must(change(s, plus("n", 1)))
			time.Sleep(90 * time.Millisecond)
			a.must(change(s, plus("n", 10)))
			settle()
			w.wantStored("t", "n1", "n", "12")
		}},
		"nor when so many writes failed that only the difference is remembered, in the middle of the one that succeeds": {1, 0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			n1 := w.servers["n1"]
			before := n1.Count(writes)
			n1.Fail(mute(9))
			if err := change(s, plus("n", 1)); errors.Is(err, replica.ErrUnavailable) {
				return // its request gets the error, and nothing is remembered
			}
			nodetest.Until(w.t, func() bool { return n1.Count(writes) == before+9 })
			n1.Fail(nodetest.Slow(100 * time.Millisecond))
			begun := n1.Count(reads)
			nodetest.Until(w.t, func() bool { return n1.Count(reads) > begun })
			a.must(change(s, plus("n", 10)))
			n1.Fail(nil)
			settle()
			if c := a.Gauges(); value(s, "n") != "12" || c.PendingChanges != 0 || local.Remembered(s.Session) != 0 {
				w.t.Errorf("n = %s, %+v", value(s, "n"), c)
			}
			s, err := a.get("t", "n1") // its own old write may look like that of another instance: then the session has left
			a.must(err)
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", "n1", "n", "13")
		}},
		"a beginning whose first backup does not answer keeps its values": {3, 1, func(w *world, a *instance) {
			for i := range 10 { // for some of them n1 is the backup
				token := fmt.Sprint("t", i)
				if a.replica.FirstNode(token) == "n1" {
					continue
				}
				w.servers["n1"].Fail(mute(1))
				s := a.begin(token)
				settle()
				w.servers["n1"].Fail(nil)
				if value(s, "n") != "1" {
					w.t.Errorf("n = %q", value(s, "n"))
				}
				w.wantStored(token, nodeOf(s), "n", "1")
			}
		}},
		"a beginning that was stored although it failed is not a second session": {1, 0, func(w *world, a *instance) {
			w.servers["n1"].Fail(mute(1))
			s := a.begin("t")
			a.must(change(s, plus("n", 1)))
			settle()
			a.must(change(s, plus("n", 1)))
			settle()
			w.wantStored("t", "n1", "n", "3")
		}},
	} {
		t.Run(name, func(t *testing.T) { inModes(t, c.servers, c.backups, c.test) })
	}
}
