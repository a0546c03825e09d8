// Package keyqueue has first-in-first-out queues, in which callers that do something about one key wait for each other.
package keyqueue

import (
	"context"
	"sync"

	"github.com/gomsm/msm/core/internal/node"
)

// Queues are the queues of all keys. Who has the turn may hand something to the next one with it, such as a lock. A
// caller inherits the nodes on which the one before it timed out while it waited, so that it does not wait for them as
// well (rule C20). Queues is safe for concurrent use.
type Queues[T any] struct {
	limit Limit // of each key's queue

	mu sync.Mutex
	of map[string]*Queue[T] // by key; only of keys whose turn someone has
}

// New returns queues with that limit.
func New[T any](limit Limit) *Queues[T] {
	return &Queues[T]{limit: limit, of: make(map[string]*Queue[T])}
}

// Acquire waits for the key's turn; waited means that another caller had it. If the error is nil, the caller must call
// Release. Otherwise it is ErrBusy or the cause of ctx's end; a turn that arrives at that moment goes to the next waiter.
// What was handed over is the caller's in any case; nil: nothing was.
func (q *Queues[T]) Acquire(ctx context.Context, key string) (handed *T, waited bool, err error) {
	w, err := q.join(key, node.FailuresOf(ctx))
	if w == nil {
		return nil, err != nil, err
	}
	if handed, err = w.Wait(ctx, q.limit); err != nil {
		handed = q.leave(key, w)
	}
	return handed, true, err
}

func (q *Queues[T]) join(key string, met *node.Failures) (*Waiter[T], error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at, taken := q.of[key]
	if !taken {
		at = new(Queue[T])
		q.of[key] = at
	}
	return at.Join(met, q.limit)
}

// leave stops waiting. If the turn has arrived at this moment, the next waiter gets it; without one, leave returns what
// was handed over.
func (q *Queues[T]) leave(key string, w *Waiter[T]) (left *T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	handed, called := q.of[key].Leave(w)
	if called && !q.pass(key, handed) {
		return handed
	}
	return nil
}

// Release ends a turn, and hands over what the next caller is to get with it; nil: nothing. It reports whether there was
// a waiter to get it.
func (q *Queues[T]) Release(key string, hand *T) (handed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pass(key, hand)
}

// pass gives the turn to the first waiter, and reports whether there was one. The caller holds mu.
func (q *Queues[T]) pass(key string, hand *T) bool {
	if q.of[key].Pass(hand) {
		return true
	}
	delete(q.of, key)
	return false
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
