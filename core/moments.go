package msm

import (
	"strings"
	"sync"
	"time"
)

// moments remembers a moment for each of the sessions used last: when the next refresh is due, or until when a session
// that was not found need not be looked for. It is bounded by forgetting: of two generations the older one goes when
// the younger is full. Forgetting costs a command, no correctness. It is safe for concurrent use.
type moments struct {
	mu         sync.Mutex
	young, old map[string]int64 // token to Unix nanoseconds
	limit      int              // of each generation
}

func newMoments(limit int) *moments {
	return &moments{young: make(map[string]int64), limit: limit}
}

// ahead reports whether the moment remembered for the token is yet to come. Most of the time there is none, so it asks
// for the time itself only if there is.
func (m *moments) ahead(token string) bool {
	at := m.of(token)
	return at != 0 && at > time.Now().UnixNano()
}

// moment returns the one remembered for the token; zero if there is none.
func (m *moments) moment(token string) (at time.Time) {
	if nanos := m.of(token); nanos != 0 {
		at = time.Unix(0, nanos)
	}
	return at
}

func (m *moments) of(token string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known(token)
}

func (m *moments) known(token string) int64 {
	if at, ok := m.young[token]; ok {
		return at
	}
	return m.old[token]
}

// pass remembers the next moment for the one caller of several who comes first after the last one.
func (m *moments) pass(token string, next time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known(token) > time.Now().UnixNano() {
		return false
	}
	m.keep(token, next)
	return true
}

// put remembers a moment.
func (m *moments) put(token string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(token, at)
}

func (m *moments) keep(token string, at time.Time) {
	if _, known := m.young[token]; known {
		m.young[token] = at.UnixNano() // keeps the key that is there
		return
	}
	if len(m.young) >= m.limit {
		m.young, m.old = make(map[string]int64), m.young
	}
	// The token is a part of a request's Cookie header, which must not be kept alive for it.
	m.young[strings.Clone(token)] = at.UnixNano()
}
