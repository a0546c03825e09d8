package peers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestNothingHeardWaitsForTheNodes: G6. However long the nodes take for what messages have asked for, the next messages are
// received, until far too many batches are unfinished.
func TestNothingHeardWaitsForTheNodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, began := newBacklog(&replica.Store{}), time.Now()
		var done sync.WaitGroup
		slow := func(context.Context) error { time.Sleep(time.Second); return nil }
		batch := make([]task, 2*maxTasks)
		for i := range batch {
			batch[i] = slow
		}
		for range maxBatches {
			b.add(t.Context(), &done, batch)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the inbox has waited for %v", waited)
		}
		b.add(t.Context(), &done, batch)
		if time.Since(began) == 0 {
			t.Error("the backlog has no bound")
		}
		b.finish(t.Context())
		if took := time.Since(began); took != 2*(maxBatches+1)*time.Second {
			t.Errorf("it took %v: not %d at a time", took, maxTasks)
		}
		done.Wait()
	})
}

// TestMessagesInAnyNumber: T-07. Who can write to a node makes up 1 MB of messages each moment. What is done for them on the
// nodes has a bound.
func TestMessagesInAnyNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, began := newBacklog(&replica.Store{}), time.Now()
		var done sync.WaitGroup
		var did atomic.Int64
		batch := make([]task, 4*taskRate)
		for i := range batch {
			batch[i] = func(context.Context) error { did.Add(1); return nil }
		}
		for range 5 {
			b.add(t.Context(), &done, batch)
		}
		done.Wait()
		if took := time.Since(began); did.Load() != int64(5*len(batch)) || took < 19*time.Second || took > 20*time.Second {
			t.Errorf("%d tasks in %v", did.Load(), took)
		}
	})
}

// TestWhatFailsIsTriedAgain: a task that fails is tried again for as long as others read the message, and keeps no other from
// being done.
func TestWhatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]time.Duration{"for a while": 5 * time.Second, "for good": 2 * mailbox.Retention} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, began := newBacklog(&replica.Store{}), time.Now()
				var done sync.WaitGroup
				did, others := 0, 0
				b.add(t.Context(), &done, []task{func(context.Context) error {
					if time.Since(began) < fails {
						return errors.New("no node is available")
					}
					did++
					return nil
				}})
				for range 2 * maxBatches {
					b.add(t.Context(), &done, []task{func(context.Context) error { others++; return nil }})
					synctest.Wait()
				}
				done.Wait()
				if want := fails < mailbox.Retention; (did == 1) != want || others != 2*maxBatches {
					t.Errorf("it was done %d times; of the others %d were", did, others)
				}
			})
		})
	}
}
