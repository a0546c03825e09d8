package local_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestBackPressure checks that requests wait when the nodes cannot keep up, so that little is ever unsaved.
func TestBackPressure(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{})
		const sessions = 400
		for i := range sessions {
			a.begin(fmt.Sprint("t", i))
		}
		settle()
		w.all(nodetest.Slow(20 * time.Millisecond)) // 16 workers, 2 operations: 400 writes a second
		began, worst := time.Now(), int64(0)
		for range 10 {
			for i := range sessions {
				time.Sleep(500 * time.Microsecond) // 2,000 changes a second
				a.must(change(a.Get(fmt.Sprint("t", i)), plus("n", 1)))
				worst = max(worst, a.Gauges().PendingChanges)
			}
		}
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("4,000 changes in %v: nobody waited", took)
		}
		if worst > sessions*3/4 {
			t.Errorf("%d changes were pending at a time", worst)
		}
		w.all(nil)
		settle()
		if c := a.Gauges(); c.PendingChanges != 0 || c.PendingSessions != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// TestBackPressureEnds checks that requests do not wait while no node is available, because there is nothing to wait
// for.
func TestBackPressureEnds(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{})
		for i := range 400 {
			a.begin(fmt.Sprint("t", i))
		}
		settle()
		w.all(nodetest.Slow(200 * time.Millisecond))
		for i := range 400 {
			a.must(change(a.Get(fmt.Sprint("t", i)), plus("n", 1)))
		}
		time.Sleep(500 * time.Millisecond)
		w.all(off)
		began := time.Now()
		for i := range 400 {
			a.must(change(a.Get(fmt.Sprint("t", i)), plus("n", 1)))
		}
		if took := time.Since(began); took == 0 || took > 2*time.Second {
			t.Errorf("400 changes took %v", took)
		}
		w.all(nil)
		time.Sleep(20 * time.Second)
		if c := a.Gauges(); c.PendingChanges != 0 {
			t.Errorf("%+v", c)
		}
	})
}
