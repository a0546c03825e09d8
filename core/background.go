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
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// backgroundQueue and backgroundWorkers bound the work off the requests' path. What finds no room is dropped: the next
// request of that session asks for it again.
const (
	backgroundQueue   = 1024
	backgroundWorkers = 4
	// retryFirst and retryLast are how long to wait when no node was there, first and at most: there may be no other request by
	// which the session could be known to have been used.
	retryFirst = time.Second
	retryLast  = 30 * time.Second
)

// background mends copies and records accesses, off the requests' path. It is safe for concurrent use.
type background struct {
	store   *replica.Store
	due     *moments // when the next refresh of a session is due
	log     *journal.Journal
	jobs    chan job
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup
	dropped atomic.Uint64
	waiting atomic.Int64 // jobs that are tried again

	mu      sync.Mutex
	pending map[string]struct{} // tokens with a job, so that a busy session has one
}

type job struct {
	token, node string
	run         func(ctx context.Context, b *background, access *replica.Access, token string) error
	wait        time.Duration // before it was tried last; zero: it was not before
}

func newBackground(store *replica.Store, due *moments, log *journal.Journal) *background {
	b := &background{store: store, due: due, log: log, jobs: make(chan job, backgroundQueue), pending: make(map[string]struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for range backgroundWorkers {
		b.done.Go(b.work)
	}
	return b
}

func (b *background) heal(token, node string) { b.add(job{token: token, node: node, run: doHeal}) }

// doHeal records the access, too: the request that found something to mend was one, and has no second job.
func doHeal(ctx context.Context, b *background, access *replica.Access, token string) error {
	if err := access.Heal(ctx); err != nil {
		return err
	}
	return doRefresh(ctx, b, access, token)
}

func (b *background) refresh(token, node string) {
	b.add(job{token: token, node: node, run: doRefresh})
}

func doRefresh(ctx context.Context, b *background, access *replica.Access, token string) error {
	due, err := access.Refresh(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		due = time.Now().Add(absentTime) // so a dead cookie costs no look with every request either
	}
	if !due.IsZero() {
		b.due.put(token, due)
	}
	return err
}

func (b *background) add(j job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.pending[j.token]; there {
		return
	}
	j.token, j.node = strings.Clone(j.token), strings.Clone(j.node) // they are pieces of a request's Cookie header
	select {
	case b.jobs <- j:
		b.pending[j.token] = struct{}{}
	default:
		b.dropped.Add(1)
	}
}

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

func (b *background) do(j job) {
	err := j.run(b.store.Random.As(b.ctx, "background", j.token), b, b.store.Open(j.token, j.node), j.token)
	if err != nil && !errors.Is(err, replica.ErrNoSession) && b.ctx.Err() == nil {
		cause := causes[causeOf(b.ctx, err)].name
		b.log.Event(b.ctx, slog.LevelWarn, "background write failed; it will be tried again", cause,
			"cause", cause, "error", err, "session", sid.Short(j.token))
	}
	b.mu.Lock()
	delete(b.pending, j.token)
	b.mu.Unlock()
	if errors.Is(err, replica.ErrUnavailable) {
		b.retry(j)
	}
}

// retry does a job once more, a while later, unless a request of the session has done it by then. Other failures are left to such a
// request.
func (b *background) retry(j job) {
	if b.waiting.Add(1) > backgroundQueue {
		b.waiting.Add(-1)
		b.dropped.Add(1)
		return
	}
	j.wait = min(max(2*j.wait, retryFirst), retryLast)
	time.AfterFunc(j.wait, func() {
		b.waiting.Add(-1)
		if !b.due.ahead(j.token) {
			b.add(j)
		}
	})
}

// close ends the workers after the jobs they are at. What is queued may be left: it only mends.
func (b *background) close() {
	b.cancel()
	b.done.Wait()
}
