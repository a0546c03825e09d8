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
	maxQueue   = 10_000 // sessions; beyond, requests wait
)

// queue holds the sessions that are to be written, each once, by when they are due. It is safe for concurrent use.
type queue struct {
	pressure atomic.Bool // the nodes cannot keep up, and requests wait

	mu    sync.Mutex
	heap  sessionHeap   // by when they are due
	eased chan struct{} // closed when pressure ends
	wake  chan struct{} // tells dispatch that another session is the first one
}

// newQueue returns an empty queue.
func newQueue() *queue {
	return &queue{
		eased: make(chan struct{}), wake: make(chan struct{}, 1),
		heap: sessionHeap{
			before: func(a, b *Session) bool { return a.queued.due.Before(b.queued.due) },
			place:  func(s *Session) *int { return &s.queued.place },
		},
	}
}

// scheduleDefault has a session written after the default delay, or earlier if it is due earlier already. A busy session
// mostly is, so scheduleDefault reads the clock only if it has to.
func (q *queue) scheduleDefault(s *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.queued.place == 0 || !s.queued.byDefault {
		q.put(s, time.Now().Add(writeDelay))
		s.queued.byDefault = true
	}
}

// scheduleAt has a session written at that time, or earlier if it is due earlier already.
func (q *queue) scheduleAt(due time.Time, s *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.put(s, due)
}

// put is scheduleAt for a caller that holds mu.
func (q *queue) put(s *Session, due time.Time) {
	switch {
	case s.queued.place == 0:
		s.queued.due, s.queued.byDefault = due, false
		q.heap.add(s)
	case due.Before(s.queued.due):
		s.queued.due = due
		q.heap.moved(s)
	default:
		return
	}
	if s.queued.place == 1 {
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
		q.setPressure(false)
		return nil, time.Hour
	}
	lateness := now.Sub(first.queued.due)
	q.setPressure(lateness > maxAge-writeDelay || q.heap.Len() > maxQueue)
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

// setPressure sets pressure. When it ends, it wakes the requests that wait. Guarded by mu.
func (q *queue) setPressure(on bool) {
	if q.pressure.CompareAndSwap(!on, on) && !on {
		close(q.eased)
		q.eased = make(chan struct{})
	}
}

// endPressure ends all waiting while no node is available: there is nothing to wait for.
func (q *queue) endPressure() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.setPressure(false)
}

// waitForEase is the back-pressure: new changes wait until older ones are stored, or ctx ends (rule L8).
func (q *queue) waitForEase(ctx context.Context) {
	for q.pressure.Load() {
		q.mu.Lock()
		eased := q.eased
		q.mu.Unlock()
		if !q.pressure.Load() {
			return
		}
		select {
		case <-eased:
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
