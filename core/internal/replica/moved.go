package replica

import "sync"

// movedLimit is how many keys are remembered in each of two generations.
const movedLimit = 10_000

// moved remembers the sessions that this instance has taken away from nodes that are not in its list. Others may have
// these nodes in theirs, so they must be told when such a session ends. The oldest are forgotten, so it is bounded. It
// is safe for concurrent use; the zero value is empty.
type moved struct {
	mu         sync.Mutex
	young, old map[string]struct{}
}

func (m *moved) add(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= movedLimit {
		m.young, m.old = make(map[string]struct{}), m.young
	}
	m.young[key] = struct{}{}
}

func (m *moved) has(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, young := m.young[key]
	_, old := m.old[key]
	return young || old
}
