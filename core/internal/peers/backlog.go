package peers

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// maxTasks is how many tasks of a backlog are done at the same time.
	maxTasks = 16
	// maxBatches is how many batches may be unfinished before the inbox waits. It reads some four in a second.
	maxBatches = 32
	// taskRate is how many tasks are begun in a second: whoever can write to a node can make up any number of messages, if
	// there are no keys.
	taskRate = 2000
	// taskAgain is how long after a failure a task is tried again.
	taskAgain = 250 * time.Millisecond
)

// task is a part of what messages ask for. It may be tried again if it returns an error.
type task = func(ctx context.Context) error

// backlog is what messages ask this instance to do on the nodes. It is done behind the inbox, so that nodes that answer
// slowly, or many sessions that end at once, keep no other message from being heard (rule M5).
type backlog struct {
	store   *replica.Store
	added   int           // batches so far; the inbox alone adds
	batches chan struct{} // one for each that is unfinished
	tasks   chan struct{} // one for each that is being done

	mu   sync.Mutex
	pace *pace.Pace
}

func newBacklog(store *replica.Store) *backlog {
	return &backlog{store: store, batches: make(chan struct{}, maxBatches), tasks: make(chan struct{}, maxTasks), pace: pace.New(taskRate)}
}

// wait waits until n more tasks may begin, and reports whether it did before ctx ended.
func (b *backlog) wait(ctx context.Context, n int) bool {
	b.mu.Lock()
	wait := b.pace.Reserve(n)
	b.mu.Unlock()
	return pace.Sleep(ctx, wait) == nil
}

// begin takes part in a backlog's limit, and reports whether it did before ctx ended.
func begin(ctx context.Context, limit chan<- struct{}) bool {
	select {
	case limit <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// add has the tasks of a batch done by goroutines of done. It waits while too many batches are unfinished.
func (b *backlog) add(ctx context.Context, done *sync.WaitGroup, batch []task) {
	if len(batch) == 0 || !begin(ctx, b.batches) {
		return
	}
	b.added++
	ctx = b.store.Random.As(ctx, "batch", strconv.Itoa(b.added))
	done.Go(func() {
		b.store.Random.Pause(ctx) // two are added at the same moment, and share what they may begin in a second
		b.do(ctx, batch)
	})
}

// do does the tasks of a batch, which has begun. Those that fail it tries again, until nobody reads the message any more.
func (b *backlog) do(ctx context.Context, batch []task) {
	for began := time.Now(); ; {
		failed := b.try(ctx, batch)
		<-b.batches
		if len(failed) == 0 || time.Since(began) > mailbox.Retention || pace.Sleep(ctx, taskAgain) != nil || !begin(ctx, b.batches) {
			return
		}
		batch = failed
	}
}

// try does each task once, and returns those that have failed.
func (b *backlog) try(ctx context.Context, batch []task) (failed []task) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, t := range batch {
		if portion := b.pace.Portion(); i%portion == 0 && !b.wait(ctx, min(portion, len(batch)-i)) || !begin(ctx, b.tasks) {
			break
		}
		all.Go(func() {
			defer func() { <-b.tasks }()
			if t(ctx) != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, t)
			}
		})
	}
	all.Wait()
	return failed
}

// finish waits until all batches are done that were added before, or ctx ends.
func (b *backlog) finish(ctx context.Context) {
	began := 0
	for began < maxBatches && begin(ctx, b.batches) {
		began++
	}
	for range began {
		<-b.batches
	}
}
