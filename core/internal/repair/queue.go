package repair

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

const (
	queueLimit   = 1024 // jobs that may wait in each lane
	queueWorkers = 4    // jobs that run at a time
	// retryFirst and retryLast are the first and the longest pause before another try of a job that found no node
	// available. Without it the use of the session might never be recorded, for its client may send no other request.
	retryFirst = time.Second
	retryLast  = 30 * time.Second
)

// Queue repairs copies and records that sessions were used, outside of requests. A job that finds it full is dropped, and
// counted: the session's next request asks for it again. Ids that may be nobody's have a lane of their own, because
// strangers can send as many as they like. It is safe for concurrent use.
type Queue struct {
	QueueConfig
	found   chan job // about sessions that this instance has seen
	claimed chan job // about ids of which it has seen no session
	refresh Job      // refreshOrGone: one for all requests, since each method value is allocated
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup
	dropped atomic.Uint64
	waiting atomic.Int64 // jobs that wait for another try

	mu      sync.Mutex
	pending map[string]struct{} // tokens with a queued or running job: one for each session
}

// QueueConfig is what a Queue works with.
type QueueConfig struct {
	Store *replica.Store
	Due   *recent.Times   // when the next refresh of a session is due, by token; only of sessions that were found
	Gone  func(id sid.ID) // is told that a session that was to be refreshed does not exist
	Log   *journal.Journal
	Cause func(ctx context.Context, err error) string // names the kind of an error in the log
}

// Job is work on the session with that id.
type Job func(ctx context.Context, access *replica.Access, id sid.ID) error

// job is a Job, and the session that it is about.
type job struct {
	lane chan job
	id   sid.ID
	run  Job
	wait time.Duration // before the last try; zero: there was none
}

// NewQueue returns a Queue whose jobs wait for Begin.
func NewQueue(config QueueConfig) *Queue {
	q := &Queue{QueueConfig: config, pending: make(map[string]struct{})}
	q.found, q.claimed = make(chan job, queueLimit), make(chan job, queueLimit)
	q.refresh = q.refreshOrGone
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// Begin starts the workers.
func (q *Queue) Begin() {
	for range queueWorkers {
		q.done.Go(q.work)
	}
}

// Heal queues the repair of a session's copies.
func (q *Queue) Heal(id sid.ID) { q.Add(id, q.heal) }

// heal repairs the copies and also records the use of the session: the request that found the damage queues no second
// job (rule H2).
func (q *Queue) heal(ctx context.Context, access *replica.Access, id sid.ID) error {
	if err := access.Heal(ctx); err != nil {
		return err
	}
	return q.RefreshNow(ctx, access, id)
}

// Refresh queues the record that a session was used.
func (q *Queue) Refresh(id sid.ID) { q.Add(id, q.refresh) }

// RefreshClaimed is Refresh for an id that may be nobody's.
func (q *Queue) RefreshClaimed(id sid.ID) { q.AddClaimed(id, q.refresh) }

// RefreshNow stores that the session was used, if that is due, and notes when it will be due again.
func (q *Queue) RefreshNow(ctx context.Context, access *replica.Access, id sid.ID) error {
	due, err := access.Refresh(ctx)
	if !due.IsZero() {
		q.Due.Put(id.Token, due)
	}
	return err
}

// refreshOrGone is RefreshNow for a request that did not look for the session itself.
func (q *Queue) refreshOrGone(ctx context.Context, access *replica.Access, id sid.ID) error {
	err := q.RefreshNow(ctx, access, id)
	if errors.Is(err, replica.ErrNoSession) {
		q.Gone(id)
	}
	return err
}

// Add queues a job about a session that was found, unless it has one already or the queue is full.
func (q *Queue) Add(id sid.ID, run Job) {
	if !q.add(job{lane: q.found, id: id, run: run}) {
		q.dropped.Add(1)
	}
}

// AddClaimed queues a job about an id that may be nobody's. If the queue is full the caller does the job itself: who sends
// many such ids waits for them, and a session among them is not forgotten (rule E16).
func (q *Queue) AddClaimed(id sid.ID, run Job) {
	if j := (job{lane: q.claimed, id: id, run: run}); !q.add(j) {
		j.id = id.Clone()
		q.do(j)
	}
}

// add puts a job into its lane, unless the session has one already. It returns false if the lane is full.
func (q *Queue) add(j job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, there := q.pending[j.id.Token]; there {
		return true
	}
	if len(j.lane) == cap(j.lane) {
		return false
	}
	j.id = j.id.Clone() // it is a part of a request's Cookie header
	q.pending[j.id.Token] = struct{}{}
	j.lane <- j // there is room: nobody else adds meanwhile
	return true
}

// work runs jobs until Close, those of sessions that were found first.
func (q *Queue) work() {
	for q.ctx.Err() == nil {
		select {
		case j := <-q.found:
			q.do(j)
			continue
		default:
		}
		select {
		case <-q.ctx.Done():
		case j := <-q.found:
			q.do(j)
		case j := <-q.claimed:
			q.do(j)
		}
	}
}

// do runs a job. If no node was available it is tried again, after other failures the session's next request asks for
// it (rule H3).
func (q *Queue) do(j job) {
	err := j.run(q.Store.Random.As(q.ctx, "background", j.id.Token), q.Store.Open(j.id.Token, j.id.Node), j.id)
	if err != nil && !errors.Is(err, replica.ErrNoSession) && q.ctx.Err() == nil {
		cause := q.Cause(q.ctx, err)
		q.Log.Event(q.ctx, slog.LevelWarn, "background write failed; it will be tried again, by the session's next request at the latest", cause,
			"cause", cause, "error", err, "session", sid.Short(j.id.Token))
	}
	q.mu.Lock()
	delete(q.pending, j.id.Token)
	q.mu.Unlock()
	if errors.Is(err, replica.ErrUnavailable) {
		q.retry(j)
	}
}

// retry queues a job again after a pause, which doubles with every try. It drops the job if a request of the session
// has recorded its use by then, or if too many jobs wait.
func (q *Queue) retry(j job) {
	if q.waiting.Add(1) > queueLimit {
		q.waiting.Add(-1)
		q.dropped.Add(1)
		return
	}
	j.wait = min(max(2*j.wait, retryFirst), retryLast)
	time.AfterFunc(j.wait, func() {
		q.waiting.Add(-1)
		if !q.Due.Ahead(j.id.Token) && !q.add(j) {
			q.dropped.Add(1)
		}
	})
}

// Close ends the workers when they have finished their present jobs. Queued jobs may be dropped: they only repair
// copies and record accesses.
func (q *Queue) Close() {
	q.cancel()
	q.done.Wait()
}

// Dropped returns how many jobs were dropped because the queue was full.
func (q *Queue) Dropped() uint64 { return q.dropped.Load() }

// Idle reports whether no job is queued or running.
func (q *Queue) Idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending) == 0
}
