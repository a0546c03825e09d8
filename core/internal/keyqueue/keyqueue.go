// Package keyqueue has a first-in-first-out queue for each key, so that callers do something about one key one after the
// other.
package keyqueue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// ErrFull means that as many callers wait for the key's turn as may.
var ErrFull = errors.New("msm: too many requests of this session are waiting")

// Queues are the queues of all keys. Who has the turn may hand something to the next one with it, such as a lock. A
// caller inherits the nodes on which the one before it timed out while it waited, so that it does not wait for them as
// well (rule C20). Queues is safe for concurrent use.
type Queues[T any] struct {
	limit int // longest queue of a key; zero: no limit

	mu sync.Mutex
	of map[string]*queue[T] // by key; only of keys whose turn someone has
}

// queue is that of one key.
type queue[T any] struct {
	met     *node.Failures // those of the caller that has the turn
	waiting []waiter[T]
}

// waiter is a caller that waits for its turn. It gets that by the channel, which has room for one value.
type waiter[T any] struct {
	called chan *T
	met    *node.Failures
	since  time.Time
}

// New returns queues in which no more than limit callers wait for a key's turn; zero: any number.
func New[T any](limit int) *Queues[T] {
	return &Queues[T]{limit: limit, of: make(map[string]*queue[T])}
}

// Acquire waits for the key's turn; waited means that another caller had it. If the error is nil, the caller must call
// Release. Otherwise it is ErrFull or the cause of ctx's end; a turn that arrives at that moment goes to the next waiter.
// What was handed over is the caller's in any case; nil: nothing was.
func (q *Queues[T]) Acquire(ctx context.Context, key string) (handed *T, waited bool, err error) {
	called, err := q.join(key, node.FailuresOf(ctx))
	if called == nil {
		return nil, err != nil, err
	}
	select {
	case handed := <-called:
		return handed, true, nil
	case <-ctx.Done():
		return q.leave(key, called), true, context.Cause(ctx)
	}
}

// join enters the queue and returns the waiter's channel. It is nil if the turn was free, which the caller has then, or
// on an error.
func (q *Queues[T]) join(key string, met *node.Failures) (called chan *T, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at, taken := q.of[key]
	if !taken {
		q.of[key] = &queue[T]{met: met}
		return nil, nil
	}
	if q.limit > 0 && len(at.waiting) >= q.limit {
		return nil, ErrFull
	}
	called = make(chan *T, 1)
	at.waiting = append(at.waiting, waiter[T]{called, met, time.Now()})
	return called, nil
}

// leave stops waiting. If the turn has arrived at this moment, the next waiter gets it; without one, leave returns what
// was handed over.
func (q *Queues[T]) leave(key string, called chan *T) (left *T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := q.of[key]
	if i := slices.IndexFunc(at.waiting, func(w waiter[T]) bool { return w.called == called }); i >= 0 {
		at.waiting = slices.Delete(at.waiting, i, i+1)
		return nil
	}
	if handed := <-called; !q.next(key, handed) {
		return handed
	}
	return nil
}

// Release ends a turn, and hands over what the next caller is to get with it; nil: nothing. It reports whether there was
// a waiter to get it.
func (q *Queues[T]) Release(key string, hand *T) (handed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next(key, hand)
}

// next gives the turn to the first waiter, and reports whether there was one. The caller holds mu.
func (q *Queues[T]) next(key string, hand *T) bool {
	at := q.of[key]
	if len(at.waiting) == 0 {
		delete(q.of, key)
		return false
	}
	first := at.waiting[0]
	at.met = first.met.After(at.met, first.since)
	at.waiting = slices.Delete(at.waiting, 0, 1)
	first.called <- hand
	return true
}

// Waiting returns how many callers wait for the key's turn.
func (q *Queues[T]) Waiting(key string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.of[key]; at != nil {
		return len(at.waiting)
	}
	return 0
}

// Len returns for how many keys someone has the turn.
func (q *Queues[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.of)
}
