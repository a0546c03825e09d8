package local

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// The times of the write-behind. A change is written 70 ms after its request, so that a busy session is written
// fourteen times a second and not with every request. No change should wait for longer than 100 ms, which leaves 30 ms
// for the write.
const (
	writeDelay = 70 * time.Millisecond
	maxAge     = 100 * time.Millisecond
	maxQueue   = 10_000                // sessions; beyond, requests wait
	retryMin   = 50 * time.Millisecond // between attempts of a write that fails
	retryMax   = 5 * time.Second
	idlePoll   = 50 * time.Millisecond // how often to look whether a node is back
)

// queue holds the sessions that are to be written, each once, by when they are due. It is safe for concurrent use.
type queue struct {
	late atomic.Bool // the nodes cannot keep up, and requests wait

	mu     sync.Mutex
	heap   pile          // by when they are due
	caught chan struct{} // closed when late ends
	wake   chan struct{} // tells dispatch that another session is the first one
}

// newQueue returns an empty queue.
func newQueue() *queue {
	return &queue{
		caught: make(chan struct{}), wake: make(chan struct{}, 1),
		heap: pile{
			before: func(a, b *Session) bool { return a.due.Before(b.due) },
			place:  func(s *Session) *int { return &s.place },
		},
	}
}

// soon has a session written after the usual delay, or earlier if it is due earlier already. A busy session mostly is,
// so soon reads the clock only if it has to.
func (q *queue) soon(s *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.place == 0 || !s.soon {
		q.put(s, time.Now().Add(writeDelay))
		s.soon = true
	}
}

// at has a session written at that time, or earlier if it is due earlier already.
func (q *queue) at(due time.Time, s *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.put(s, due)
}

// put is at for a caller that holds mu.
func (q *queue) put(s *Session, due time.Time) {
	switch {
	case s.place == 0:
		s.due, s.soon = due, false
		q.heap.add(s)
	case due.Before(s.due):
		s.due = due
		q.heap.moved(s)
	default:
		return
	}
	if s.place == 1 {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// next removes and returns the first session that is due. If none is, it returns nil and the time until the first one
// will be.
func (q *queue) next(now time.Time) (s *Session, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := q.heap.first()
	if first == nil {
		q.setLate(false)
		return nil, time.Hour
	}
	lateness := now.Sub(first.due)
	q.setLate(lateness > maxAge-writeDelay || q.heap.Len() > maxQueue)
	if lateness < 0 {
		return nil, -lateness
	}
	q.heap.remove(first)
	return first, 0
}

// length returns how many sessions are in the queue.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.heap.Len()
}

// setLate sets late. When late ends, it wakes the requests that wait. Guarded by mu.
func (q *queue) setLate(late bool) {
	if q.late.CompareAndSwap(!late, late) && !late {
		close(q.caught)
		q.caught = make(chan struct{})
	}
}

// strand ends all waiting while no node is available: there is nothing to wait for.
func (q *queue) strand() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.setLate(false)
}

// waitWhileLate is the back-pressure: new changes wait until older ones are stored, or ctx ends (rule L8).
func (q *queue) waitWhileLate(ctx context.Context) {
	for q.late.Load() {
		q.mu.Lock()
		caught := q.caught
		q.mu.Unlock()
		if !q.late.Load() {
			return
		}
		select {
		case <-caught:
		case <-ctx.Done():
			return
		}
	}
}

// sleep waits for d, or until another session is the first one, or ctx ends.
func (q *queue) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-timer.C:
	}
}
