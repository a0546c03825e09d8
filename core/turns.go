package msm

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// turns is a FIFO queue for each session: in this instance, its requests do something one after the other, in the order
// in which they came. The session's lock may be passed on with the turn. A request inherits the nodes on which the one
// before it timed out while it waited, so that it does not wait for them as well. turns is safe for concurrent use.
type turns struct {
	limit int // longest queue of a session; zero: no limit

	mu    sync.Mutex
	lines map[string]*line // by token; only of sessions whose turn someone has
}

// line is the queue of one session.
type line struct {
	met     *replica.Failures // those of the request that has the turn
	waiting []waiter
}

// waiter is a request that waits for its turn. It gets that by the channel, which has room for one value.
type waiter struct {
	called chan *sessionLock
	met    *replica.Failures
	since  time.Time
}

func newTurns(limit int) *turns { return &turns{limit: limit, lines: make(map[string]*line)} }

// take waits for the session's turn; waited means that another request had it. If the error is nil, the caller must
// call give. Otherwise it is ErrBusy, if the queue is full, or the cause of ctx's end; a turn that arrives at that
// moment goes to the next waiter. passed is the caller's in any case; nil: nothing was passed on.
func (t *turns) take(ctx context.Context, token string) (passed *sessionLock, waited bool, err error) {
	called, err := t.join(token, replica.FailuresOf(ctx))
	if called == nil {
		return nil, err != nil, err
	}
	select {
	case passed := <-called:
		return passed, true, nil
	case <-ctx.Done():
		return t.leave(token, called), true, context.Cause(ctx)
	}
}

// join enters the queue and returns the waiter's channel. It is nil if the turn was free, which the caller has then, or
// on an error.
func (t *turns) join(token string, met *replica.Failures) (called chan *sessionLock, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, taken := t.lines[token]
	if !taken {
		t.lines[token] = &line{met: met}
		return nil, nil
	}
	if t.limit > 0 && len(at.waiting) >= t.limit {
		return nil, ErrBusy
	}
	called = make(chan *sessionLock, 1)
	at.waiting = append(at.waiting, waiter{called, met, time.Now()})
	return called, nil
}

// leave stops waiting. If the turn has arrived at this moment, the next waiter gets it; without one, leave returns what
// was passed on.
func (t *turns) leave(token string, called chan *sessionLock) (left *sessionLock) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.lines[token]
	if i := slices.IndexFunc(at.waiting, func(w waiter) bool { return w.called == called }); i >= 0 {
		at.waiting = slices.Delete(at.waiting, i, i+1)
		return nil
	}
	if passed := <-called; !t.next(token, passed) {
		return passed
	}
	return nil
}

// give ends a turn, and passes the lock on. It reports whether there was a waiter to get it.
func (t *turns) give(token string, pass *sessionLock) (passed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next(token, pass)
}

// next gives the turn to the first waiter, and reports whether there was one. The caller holds mu.
func (t *turns) next(token string, pass *sessionLock) bool {
	at := t.lines[token]
	if len(at.waiting) == 0 {
		delete(t.lines, token)
		return false
	}
	first := at.waiting[0]
	at.met = first.met.After(at.met, first.since)
	at.waiting = slices.Delete(at.waiting, 0, 1)
	first.called <- pass
	return true
}

// waiting returns how many requests wait for the session's turn.
func (t *turns) waiting(token string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := t.lines[token]; at != nil {
		return len(at.waiting)
	}
	return 0
}
