package memcache

import (
	"context"
	"math"
	"slices"
	"time"
)

// waitMost is how long an operation waits for a connection at most, in timeouts. A visitor has lost patience by then,
// and a queue of that length grows faster than it is served.
const waitMost = 10

// idleFor is how long an unused connection stays open. The slot used last is used first, so those that only a burst
// needed are idle from then on. A server has few connections (memcached -c), and bursts of other instances need them.
const idleFor = time.Minute

// acquire takes a slot for an operation, and waits until one is free.
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

// wait waits for room for another slot, in FIFO order, as senders on a channel do (rule N7).
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
		return ErrGivenUp
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

// keep adds a slot to the idle ones. One timer serves all: the first slot has been idle for longest. The caller holds
// mu.
func (m *Memcached) keep(s *slot) {
	m.free = append(m.free, s)
	if m.tidies == nil {
		m.tidies = time.AfterFunc(idleFor, m.tidy)
	}
}

// tidy closes slots that have been idle for too long, and runs again when the next one will have been.
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

// letGo ends all waits for a slot. The caller holds mu.
func (m *Memcached) letGo() {
	close(m.waiters)
	m.waiters = make(chan struct{})
}

// GiveUp implements Client (rule N6). It closes the idle connections too: when the server is back they may date from
// before its restart, and not every connection shows that.
func (m *Memcached) GiveUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letGo()
	m.dropIdle()
	for _, s := range m.slots {
		s.cut()
	}
}

// dropIdle closes all idle slots. The caller holds mu.
func (m *Memcached) dropIdle() {
	for _, s := range m.free {
		s.drop()
	}
	m.free, m.slots = nil, slices.DeleteFunc(m.slots, func(s *slot) bool { return !s.busy })
}

// Close closes the idle connections at once, and each of the others when its operation has ended.
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
