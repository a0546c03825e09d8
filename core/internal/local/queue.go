package local

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

// The write-behind's times. What a request changed is written 70 ms later, so that a busy session is written fourteen
// times a second and not with every request, and 30 ms are left for the write, for nothing is to wait longer than 100 ms.
const (
	writeDelay = 70 * time.Millisecond
	maxAge     = 100 * time.Millisecond
	maxQueue   = 10_000 // sessions; beyond, requests wait
	retryMin   = 50 * time.Millisecond
	retryMax   = 5 * time.Second
	idlePoll   = 50 * time.Millisecond // for a node to come back
)

// queue are the sessions that are to be written, each once, by when that is due. It is safe for concurrent use.
type queue struct {
	late atomic.Bool // the nodes cannot keep up

	mu     sync.Mutex
	heap   pile          // by when they are due
	caught chan struct{} // closed when late ends
	wake   chan struct{}
}

func newQueue() *queue {
	return &queue{
		caught: make(chan struct{}), wake: make(chan struct{}, 1),
		heap: pile{
			before: func(a, b *Session) bool { return a.due.Before(b.due) },
			place:  func(s *Session) *int { return &s.place },
		},
	}
}

// soon has a session written after the usual delay, or at the earlier time that it has already. A busy session mostly has
// one, so the time is asked for only if it has none.
func (q *queue) soon(s *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.place == 0 || !s.soon {
		q.put(s, time.Now().Add(writeDelay))
		s.soon = true
	}
}

// at has a session written at that time, or at the earlier one that it has already.
func (q *queue) at(due time.Time, s *Session) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.put(s, due)
}

// put is guarded by mu.
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

// next takes the session that is due; nil if none is, and how long it is to the first.
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

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.heap.Len()
}

// setLate tells who waits. Guarded by mu.
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

// waitWhileLate is the back-pressure: new changes wait for the older ones.
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

// dispatch hands sessions to the workers as they become due, until ctx ends.
func (st *Store) dispatch(ctx context.Context, work chan<- *Session) {
	defer close(work)
	defer st.queue.strand()
	for ctx.Err() == nil {
		if !st.Replica.Available() {
			st.queue.strand()
			_ = pace.Sleep(ctx, idlePoll)
			continue
		}
		s, wait := st.queue.next(time.Now())
		if s == nil {
			st.queue.sleep(ctx, wait)
			continue
		}
		select {
		case work <- s:
		case <-ctx.Done():
		}
	}
}

// putsOff has the session written later if that would only mend its copies, and a node has run out of time that was not looked at
// since: to mend now might meet that node once more, and the session's requests would wait for it. The caller has begun saving.
func (s *Session) putsOff() bool {
	if s.store.closing.Load() || !s.store.Replica.Suspects() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored.Version == 0 || s.pending.requests > 0 {
		return false
	}
	s.store.queue.at(time.Now().Add(idlePoll), s)
	return true
}

func (q *queue) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-timer.C:
	}
}
