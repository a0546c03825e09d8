package local

import (
	"sync/atomic"
	"time"
)

// lane is sessions that are to be written, by when they are due. Guarded by queue.mu.
type lane struct {
	heap     sessionHeap
	pressure atomic.Bool   // the nodes cannot keep up, and requests wait
	eased    chan struct{} // closed when pressure ends
}

func newLane() lane {
	return lane{eased: make(chan struct{}), heap: sessionHeap{
		before: func(a, b *Session) bool { return a.queued.due.Before(b.queued.due) },
		place:  func(s *Session) *int { return &s.queued.place },
	}}
}

// look returns how late the first session is, which is negative if none is due, and sets pressure by that.
func (l *lane) look(now time.Time) (late time.Duration) {
	first := l.heap.first()
	if first == nil {
		l.setPressure(false)
		return -time.Hour
	}
	late = now.Sub(first.queued.due)
	l.setPressure(late > maxAge-writeDelay || l.heap.Len() > maxQueue)
	return late
}

// setPressure sets pressure. When it ends, it wakes the requests that wait.
func (l *lane) setPressure(on bool) {
	if l.pressure.CompareAndSwap(!on, on) && !on {
		close(l.eased)
		l.eased = make(chan struct{})
	}
}
