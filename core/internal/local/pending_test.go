package local_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
)

// TestLongOutage checks that sessions live in memory while every node is down, that what is remembered for later stays
// bounded, and that nothing of it is lost.
func TestLongOutage(t *testing.T) {
	for _, sync := range []bool{false, true} {
		t.Run(fmt.Sprint("sync ", sync), func(t *testing.T) {
			inWorld(t, 2, 0, func(w *world) {
				a := w.start(local.Config{Sync: sync})
				s := a.begin("t")
				settle()
				node := nodeOf(s)
				w.all(off)
				time.Sleep(time.Second)
				for range 10_000 {
					a.must(change(a.Get("t"), plus("n", 1)))
				}
				if value(s, "n") != "10001" || nodeOf(s) != node {
					t.Errorf("n = %s on %s", value(s, "n"), nodeOf(s))
				}
				if got := a.Gauges(); got.PendingChanges != 10_000 || got.PendingSessions > 1 {
					t.Errorf("%+v", got)
				}
				if n := local.Remembered(s.Session); n > 16 {
					t.Errorf("%d changes are remembered", n)
				}
				time.Sleep(time.Minute)
				w.all(nil)
				time.Sleep(10 * time.Second)
				if got := a.Gauges(); got.PendingChanges != 0 || a.Overwrites.Load() != 0 {
					t.Errorf("%+v", got)
				}
				w.wantStored("t", nodeOf(s), "n", "10001")
			})
		})
	}
}
