package local

import (
	"context"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

// The times of the write-behind. A change is written 70 ms after its request, so that a busy session is written
// fourteen times a second and not with every request. No change should wait for longer than 100 ms, which leaves 30 ms
// for the write.
const (
	writeDelay = 70 * time.Millisecond
	maxAge     = 100 * time.Millisecond
	maxQueue   = 10_000 // sessions in a lane; beyond, requests wait
)

// newcomersShare is how many writes there are for each one of a session that no node has yet, while others are due.
const newcomersShare = 4

// queue holds the sessions that are to be written, each once. It is safe for concurrent use.
type queue struct {
	wait      time.Duration // that a request waits
	known     lane          // of sessions that nodes have
	newcomers lane          // of those that no node has yet: strangers can begin as many as they like

	mu    sync.Mutex    // protects both lanes
	taken uint          // sessions that next has returned while both had one due
	wake  chan struct{} // tells dispatch that another session is the first one
}

// newQueue returns an empty queue, in which requests wait that long.
func newQueue(wait time.Duration) *queue {
	return &queue{wait: wait, known: newLane(), newcomers: newLane(), wake: make(chan struct{}, 1)}
}

// lane returns the lane for a session.
func (q *queue) lane(s *Session) *lane {
	if s.newcomer.Load() {
		return &q.newcomers
	}
	return &q.known
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
		s.queued.lane, s.queued.due, s.queued.byDefault = q.lane(s), due, false
		s.queued.lane.heap.add(s)
	case due.Before(s.queued.due):
		s.queued.due = due
		s.queued.lane.heap.moved(s)
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
// will be. Sessions that nodes have go first, but a few of the others go between them (rule L17).
func (q *queue) next(now time.Time) (s *Session, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	known, newcomers := q.known.look(now), q.newcomers.look(now)
	if known < 0 && newcomers < 0 {
		return nil, -max(known, newcomers)
	}
	from := &q.known
	if newcomers >= 0 {
		if q.taken++; known < 0 || q.taken%newcomersShare == 0 {
			from = &q.newcomers
		}
	}
	s = from.heap.first()
	from.heap.remove(s)
	return s, 0
}

// length returns how many sessions are in the queue.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.known.heap.Len() + q.newcomers.heap.Len()
}

// endPressure ends all waiting while no node is available: there is nothing to wait for.
func (q *queue) endPressure() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.known.setPressure(false)
	q.newcomers.setPressure(false)
}

// waitForEase is the back-pressure: changes of sessions in that lane wait until older ones are stored, but no longer
// than q.wait, or until ctx ends (rule L8). It reports whether the nodes can keep up now.
func (q *queue) waitForEase(ctx context.Context, l *lane) (eased bool) {
	if !l.pressure.Load() {
		return true
	}
	ctx, stop := pace.Within(ctx, q.wait, context.DeadlineExceeded)
	defer stop()
	for l.pressure.Load() {
		q.mu.Lock()
		eased := l.eased
		q.mu.Unlock()
		if !l.pressure.Load() {
			break
		}
		select {
		case <-eased:
		case <-ctx.Done():
			return false
		}
	}
	return true
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
