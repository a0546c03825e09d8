package node

import (
	"context"
	"math"
	"slices"
	"time"
)

// waitMost is how many timeouts long someone waits for a connection at most. A visitor has lost patience by then, and a queue
// of that length grows faster than it is served.
const waitMost = 10

// idleFor is how long a connection stays open that nobody uses. Slots are used last first, so what only a burst needed is
// idle from then on; a server's connections are few (memcached -c), and other instances' bursts need them.
const idleFor = time.Minute

// acquire takes a slot for an operation.
func (m *Memcached) acquire(ctx context.Context) (*slot, error) {
	select {
	case m.limit <- struct{}{}:
	default:
		if err := m.wait(ctx); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var s *slot
	if n := len(m.free); n > 0 {
		s, m.free = m.free[n-1], m.free[:n-1]
	} else {
		s = newSlot(m)
		m.slots = append(m.slots, s)
	}
	s.take()
	return s, nil
}

// wait is first come, first served, as a channel's senders are.
func (m *Memcached) wait(ctx context.Context) error {
	m.mu.Lock()
	letGo := m.waiters
	m.mu.Unlock()
	timer := time.NewTimer(waitMost * min(m.options.Timeout, math.MaxInt64/waitMost))
	defer timer.Stop()
	select {
	case m.limit <- struct{}{}:
		return nil
	case <-letGo:
		return errGivenUp
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Memcached) release(s *slot, answered bool) {
	m.mu.Lock()
	s.busy, s.idle = false, time.Now()
	if answered {
		m.answered = s.idle
	}
	if m.closed {
		s.drop()
	} else {
		m.keep(s)
	}
	m.mu.Unlock()
	<-m.limit
}

// keep has a slot idle, with one timer for all of them: the first one has been so for longest. Guarded by mu.
func (m *Memcached) keep(s *slot) {
	m.free = append(m.free, s)
	if m.tidies == nil {
		m.tidies = time.AfterFunc(idleFor, m.tidy)
	}
}

// tidy lets go of slots that have been idle for long, and comes again when the next one will have been.
func (m *Memcached) tidy() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tidies = nil
	for len(m.free) > 0 {
		left := idleFor - time.Since(m.free[0].idle)
		if left > 0 {
			m.tidies = time.AfterFunc(left, m.tidy)
			return
		}
		s := m.free[0]
		s.drop()
		m.free = slices.Delete(m.free, 0, 1)
		m.slots = slices.DeleteFunc(m.slots, func(other *slot) bool { return other == s })
	}
}

// letGo lets go of those who wait for a slot. Guarded by mu.
func (m *Memcached) letGo() {
	close(m.waiters)
	m.waiters = make(chan struct{})
}

// GiveUp implements Client. Idle connections go, too: when the server is back they may be those of before its restart, and not every
// connection shows that.
func (m *Memcached) GiveUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letGo()
	m.dropIdle()
	for _, s := range m.slots {
		s.cut()
	}
}

// dropIdle is guarded by mu.
func (m *Memcached) dropIdle() {
	for _, s := range m.free {
		s.drop()
	}
	m.free, m.slots = nil, slices.DeleteFunc(m.slots, func(s *slot) bool { return !s.busy })
}

// Close closes the idle connections, and each of the others when the operation that uses it has ended.
func (m *Memcached) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropIdle()
	if m.tidies != nil {
		m.tidies.Stop()
	}
	m.closed = true
	return nil
}
