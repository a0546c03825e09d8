package keyqueue

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
)

// ErrBusy means that as many callers wait for the turn as may, or that this one has waited for as long as it may.
var ErrBusy = errors.New("msm: too many requests of this session are waiting")

// Limit bounds a queue. The zero value does not.
type Limit struct {
	Waiting int           // callers that wait at a time; zero: any number
	Time    time.Duration // that a caller waits; zero: until its context ends
}

// Writes bounds the queue of those who write one session within an instance, and wait that long. Go's HTTP/2 server takes
// 250 requests of one connection at a time, so what a browser asks for at once fits. A client that does not wait for its
// answers finds no memory to fill, and what it has sent is over soon after it has gone.
func Writes(wait time.Duration) Limit { return Limit{Waiting: 256, Time: wait} }

// Queue is a first-in-first-out queue: one caller has the turn, the others wait for it. The zero value is one whose turn
// is free. It is not safe for concurrent use.
type Queue[T any] struct {
	taken   bool
	met     *node.Failures // those of the caller that has the turn
	waiting []*Waiter[T]
}

// Waiter is a caller that waits for its turn.
type Waiter[T any] struct {
	called chan *T // has room for one: what is handed over with the turn
	met    *node.Failures
	since  time.Time
}

// Join takes the turn for a caller that has met these failures, and returns nil. If another one has the turn, Join
// returns the caller as a waiter, or ErrBusy.
func (q *Queue[T]) Join(met *node.Failures, limit Limit) (*Waiter[T], error) {
	switch {
	case !q.taken:
		q.taken, q.met = true, met
		return nil, nil
	case limit.Waiting > 0 && len(q.waiting) >= limit.Waiting:
		return nil, ErrBusy
	}
	w := &Waiter[T]{make(chan *T, 1), met, time.Now()}
	q.waiting = append(q.waiting, w)
	return w, nil
}

// Wait waits for the turn, and returns what was handed over with it. After an error, which is ErrBusy or the cause of
// ctx's end, the waiter has to leave the queue.
func (w *Waiter[T]) Wait(ctx context.Context, limit Limit) (handed *T, err error) {
	if limit.Time > 0 {
		var stop context.CancelFunc
		ctx, stop = pace.Within(ctx, limit.Time, ErrBusy)
		defer stop()
	}
	select {
	case handed = <-w.called:
		return handed, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Leave takes a waiter out of the queue. If it has just got the turn, called is true, and the turn has to be passed on
// with what was handed over.
func (q *Queue[T]) Leave(w *Waiter[T]) (handed *T, called bool) {
	if i := slices.Index(q.waiting, w); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		return nil, false
	}
	return <-w.called, true
}

// Pass hands the turn to the caller that has waited longest, so that no newcomer overtakes it, with something that it is
// to get. If nobody waits, the turn is free, and Pass returns false.
//
// If the caller before has timed out on a node meanwhile, the next one does not ask that node again: it has waited for
// it as well (rule C20).
func (q *Queue[T]) Pass(hand *T) bool {
	if len(q.waiting) == 0 {
		q.taken, q.met = false, nil
		return false
	}
	next := q.waiting[0]
	q.met = next.met.After(q.met, next.since)
	q.waiting = slices.Delete(q.waiting, 0, 1)
	next.called <- hand
	return true
}
