package local_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

func TestWriteBehind(t *testing.T) {
	for name, c := range map[string]struct {
		backups int
		test    func(w *world, a *instance)
	}{
		"a new session is stored within 100 ms, and not before": {0, func(w *world, a *instance) {
			s := a.begin("t")
			if n := w.count(writes); n != 0 {
				w.t.Error("the request waited for a node")
			}
			time.Sleep(100 * time.Millisecond)
			if got := w.holds("t"); len(got) != 1 || got[0] != nodeOf(s) {
				w.t.Errorf("on %v; the id names %s", got, nodeOf(s))
			}
		}},
		"a read costs no round trip": {0, func(w *world, a *instance) {
			a.begin("t")
			settle()
			before, stored := w.count(reads), w.count(writes)
			for range 100 {
				if s := a.Get("t"); value(s, "n") != "1" {
					w.t.Error("lost")
				}
			}
			if r, n := w.count(reads), w.count(writes); r != before || n != stored {
				w.t.Errorf("%d reads and %d writes", r-before, n-stored)
			}
		}},
		"many changes within 70 ms are one write, of the newest state": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			before := w.count(writes)
			for range 100 {
				a.must(change(s, plus("n", 1)))
			}
			time.Sleep(100 * time.Millisecond)
			if n := w.count(writes); n-before != 1 {
				w.t.Errorf("%d writes", n-before)
			}
			w.wantStored("t", nodeOf(s), "n", "101")
		}},
		"a change during a write is written after it": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(nodetest.Slow(100 * time.Millisecond))
			a.must(change(s, plus("n", 1)))
			time.Sleep(80 * time.Millisecond) // the write is at the node, for 190 ms more; the next one is due in 70
			a.must(change(s, plus("n", 1)))
			settle()
			w.all(nil)
			w.wantStored("t", nodeOf(s), "n", "3")
		}},
		"a change that changes nothing is not written": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			before := w.count(writes)
			a.must(change(s, put("n", "1")))
			settle()
			if n := w.count(writes); n != before {
				w.t.Errorf("%d writes", n-before)
			}
		}},
		"with a backup both nodes get it": {1, func(w *world, a *instance) {
			a.begin("t")
			settle()
			if got := w.holds("t"); len(got) != 2 {
				w.t.Errorf("on %v", got)
			}
		}},
		"a use is stored after a twentieth of the idle timeout, and not with every read": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			before := w.count(writes)
			for range 20 { // 3 of them are due
				time.Sleep(idle / 20 / 5)
				a.Get("t")
			}
			settle()
			if n := w.count(writes); n-before < 2 || n-before > 4 {
				w.t.Errorf("%d writes", n-before)
			}
			if rec := w.stored(nodeOf(s), "t"); time.Since(rec.LastAccess) > idle/20 {
				w.t.Errorf("last access %v ago", time.Since(rec.LastAccess))
			}
		}},
		"a session that is only read outlives its idle timeout, stored too": {0, func(w *world, a *instance) {
			s := a.begin("t")
			for range 8 {
				time.Sleep(idle / 4)
				if a.Get("t") == nil {
					w.t.Fatal("it ended")
				}
			}
			settle()
			w.wantStored("t", nodeOf(s), "n", "1")
		}},
		"a session whose deadline has come is over at once": {0, func(w *world, a *instance) {
			now := time.Now()
			rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: idle, Deadline: now.Add(time.Minute), Transcoder: "text"}
			_, err := a.Create(context.Background(), "t", "n1", rec)
			a.must(err)
			time.Sleep(time.Minute - time.Millisecond)
			if a.Get("t") == nil {
				w.t.Error("it ended early")
			}
			time.Sleep(time.Millisecond)
			if a.Get("t") != nil {
				w.t.Error("it is served")
			}
		}},
		"a session that changes faster than it is written does not remember without bound": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			most := 0
			for range 5000 {
				a.must(change(a.Get("t"), plus("n", 1)))
				most = max(most, local.Remembered(s.Session))
			}
			if most > 1024 || local.Compactions(s.Session) > 0 {
				w.t.Errorf("%d changes, folded %d times", most, local.Compactions(s.Session))
			}
			settle()
			w.wantStored("t", nodeOf(s), "n", "5001")
		}},
		"what nobody uses leaves memory on time, and the nodes": {0, func(w *world, a *instance) {
			s := a.begin("t")
			node := nodeOf(s)
			time.Sleep(idle + idle/20 - time.Minute)
			if a.Gauges().Sessions != 1 {
				w.t.Error("it left early")
			}
			time.Sleep(time.Minute + 2*time.Second)
			if a.Gauges().Sessions != 0 || a.Gauges().Bytes != 0 {
				w.t.Errorf("%+v", a.Gauges())
			}
			if _, err := a.get("t", node); !errors.Is(err, replica.ErrNoSession) {
				w.t.Errorf("%v", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, c.backups, func(w *world) { c.test(w, w.start(local.Config{})) })
		})
	}
}
