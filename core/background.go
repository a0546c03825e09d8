package msm

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// backgroundQueue is how many jobs may wait, and backgroundWorkers how many run at a time, outside of requests. A job
// that finds the queue full is dropped, and counted in Stats.Dropped: the session's next request asks for it again.
const (
	backgroundQueue   = 1024
	backgroundWorkers = 4
	// retryFirst and retryLast are the first and the longest pause before another try of a job that found no node
	// available. Without it the use of the session might never be recorded, for its client may send no other request.
	retryFirst = time.Second
	retryLast  = 30 * time.Second
)

// background repairs copies and records that sessions were used, outside of requests. It is safe for concurrent use.
type background struct {
	store   *replica.Store
	due     *recent.Times // when the next refresh of a session is due
	log     *journal.Journal
	jobs    chan job
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup
	dropped atomic.Uint64
	waiting atomic.Int64 // jobs that wait for another try

	mu      sync.Mutex
	pending map[string]struct{} // tokens with a queued or running job: one for each session
}

// job is work on one session.
type job struct {
	token, node string
	run         func(ctx context.Context, b *background, access *replica.Access, token string) error
	wait        time.Duration // before the last try; zero: there was none
}

// newBackground starts the workers; close ends them.
func newBackground(store *replica.Store, due *recent.Times, log *journal.Journal) *background {
	b := &background{store: store, due: due, log: log, jobs: make(chan job, backgroundQueue), pending: make(map[string]struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for range backgroundWorkers {
		b.done.Go(b.work)
	}
	return b
}

// heal queues the repair of a session's copies.
func (b *background) heal(token, node string) { b.add(job{token: token, node: node, run: doHeal}) }

// doHeal repairs the copies and also records the use of the session: the request that found the damage queues no second
// job (rule H2).
func doHeal(ctx context.Context, b *background, access *replica.Access, token string) error {
	if err := access.Heal(ctx); err != nil {
		return err
	}
	return doRefresh(ctx, b, access, token)
}

// refresh queues the record that a session was used.
func (b *background) refresh(token, node string) {
	b.add(job{token: token, node: node, run: doRefresh})
}

// doRefresh stores that the session was used, if that is due, and notes when it will be due again.
func doRefresh(ctx context.Context, b *background, access *replica.Access, token string) error {
	due, err := access.Refresh(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		due = time.Now().Add(absentTime) // requests with the id of an ended session do not all ask the nodes
	}
	if !due.IsZero() {
		b.due.Put(token, due)
	}
	return err
}

// add queues a job, unless the session has one already or the queue is full.
func (b *background) add(j job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.pending[j.token]; there {
		return
	}
	j.token, j.node = strings.Clone(j.token), strings.Clone(j.node) // they are parts of a request's Cookie header
	select {
	case b.jobs <- j:
		b.pending[j.token] = struct{}{}
	default:
		b.dropped.Add(1)
	}
}

// work runs jobs until close.
func (b *background) work() {
	for b.ctx.Err() == nil {
		select {
		case <-b.ctx.Done():
			return
		case j := <-b.jobs:
			b.do(j)
		}
	}
}

// do runs a job. If no node was available it is tried again, after other failures the session's next request asks for
// it (rule H3).
func (b *background) do(j job) {
	err := j.run(b.store.Random.As(b.ctx, "background", j.token), b, b.store.Open(j.token, j.node), j.token)
	if err != nil && !errors.Is(err, replica.ErrNoSession) && b.ctx.Err() == nil {
		cause := causes[causeOf(b.ctx, err)].name
		b.log.Event(b.ctx, slog.LevelWarn, "background write failed; it will be tried again, by the session's next request at the latest", cause,
			"cause", cause, "error", err, "session", sid.Short(j.token))
	}
	b.mu.Lock()
	delete(b.pending, j.token)
	b.mu.Unlock()
	if errors.Is(err, replica.ErrUnavailable) {
		b.retry(j)
	}
}

// retry queues a job again after a pause, which doubles with every try. It drops the job if a request of the session
// has recorded its use by then, or if too many jobs wait.
func (b *background) retry(j job) {
	if b.waiting.Add(1) > backgroundQueue {
		b.waiting.Add(-1)
		b.dropped.Add(1)
		return
	}
	j.wait = min(max(2*j.wait, retryFirst), retryLast)
	time.AfterFunc(j.wait, func() {
		b.waiting.Add(-1)
		if !b.due.Ahead(j.token) {
			b.add(j)
		}
	})
}

// close ends the workers when they have finished their present jobs. Queued jobs may be dropped: they only repair
// copies and record accesses.
func (b *background) close() {
	b.cancel()
	b.done.Wait()
}
