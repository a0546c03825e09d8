package replica_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestParallelLoadsRepairOnce: C8. The home has lost its values, so what a load finds has to be written before anybody sees it. Of 32
// requests that come at once one writes, and the others find it done.
func TestParallelLoadsRepairOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1)
		home, _ := w.create()
		w.restart(home)
		writes := nodetest.Writes(key)
		before := 0
		for _, s := range w.servers {
			s.Fail(nodetest.Slow(5 * time.Millisecond))
			before += s.Count(writes)
		}
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				rec, err := w.store.Open(token, home).Load(t.Context())
				if err != nil {
					t.Error(err)
				} else if n, _ := rec.Get("n"); string(n) != "1" {
					t.Errorf("n = %q", n)
				}
			})
		}
		all.Wait()
		n := -before
		for _, s := range w.servers {
			n += s.Count(writes)
		}
		if n > 4 { // a claim, and what settles it
			t.Errorf("%d writes", n)
		}
	})
}
