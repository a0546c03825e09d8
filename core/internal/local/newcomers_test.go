package local_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAFloodOfNewSessions: SR-31, L17. Strangers begin twenty times as many sessions as the nodes can take. What visitors change is
// stored as soon as ever, without waiting.
func TestAFloodOfNewSessions(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		const users, strangers = 20, 16
		a := w.start(local.Config{})
		for i := range users {
			a.begin(fmt.Sprint("user", i))
		}
		settle()
		w.all(nodetest.Slow(20 * time.Millisecond)) // 16 workers: 800 new sessions a second

		var flood sync.WaitGroup
		var over atomic.Bool
		var begun, refused atomic.Int64
		for i := range strangers {
			flood.Go(func() {
				for n := 0; !over.Load(); n++ {
					switch _, err := a.create(fmt.Sprint("stranger", i, "-", n)); {
					case err == nil:
						begun.Add(1)
					case errors.Is(err, local.ErrFull):
						refused.Add(1)
					default:
						t.Error(err)
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		for round := 2; round < 22 && !t.Failed(); round++ {
			began := time.Now()
			for i := range users {
				a.must(change(a.Get(fmt.Sprint("user", i)), plus("n", 1)))
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("%d changes took %v", users, took)
			}
			time.Sleep(200 * time.Millisecond)
			for i := range users {
				if got, _ := w.stored("n1", fmt.Sprint("user", i)).Get("n"); string(got) != strconv.Itoa(round) {
					t.Errorf("200 ms after change %d of %d, %q is stored", round, i, got)
				}
			}
		}
		over.Store(true)
		flood.Wait()
		if n := begun.Load(); n < 500 && !t.Failed() { // a quarter of 800 a second, for 4 s
			t.Errorf("%d new sessions; %d were refused", n, refused.Load())
		}
	})
}
