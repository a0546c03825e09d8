package msm

import (
	"strings"
	"sync"
	"time"
)

// moments keeps one moment for each of the sessions used last, for example when its next refresh is due, or until when
// a session that was not found is not looked for again (a negative cache). It is bounded: there are two generations,
// and when the young one is full it becomes the old one, and the former old one is dropped. A forgotten moment costs a
// command, not correctness. It is safe for concurrent use.
type moments struct {
	mu         sync.Mutex
	young, old map[string]int64 // token to Unix nanoseconds
	limit      int              // of each generation
}

func newMoments(limit int) *moments {
	return &moments{young: make(map[string]int64), limit: limit}
}

// ahead reports whether the token's moment is yet to come. It reads the clock only if there is a moment, which is rare.
func (m *moments) ahead(token string) bool {
	at := m.of(token)
	return at != 0 && at > time.Now().UnixNano()
}

// moment returns the token's moment; the zero time if there is none.
func (m *moments) moment(token string) (at time.Time) {
	if nanos := m.of(token); nanos != 0 {
		at = time.Unix(0, nanos)
	}
	return at
}

// of returns the token's moment in Unix nanoseconds; zero if there is none.
func (m *moments) of(token string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known(token)
}

// known is of, for a caller that holds mu.
func (m *moments) known(token string) int64 {
	if at, ok := m.young[token]; ok {
		return at
	}
	return m.old[token]
}

// pass reports whether the token's moment is over or there is none, and if so replaces it by next. Of several
// concurrent callers one gets true.
func (m *moments) pass(token string, next time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known(token) > time.Now().UnixNano() {
		return false
	}
	m.keep(token, next)
	return true
}

// put sets the token's moment.
func (m *moments) put(token string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keep(token, at)
}

// keep is put, for a caller that holds mu.
func (m *moments) keep(token string, at time.Time) {
	if _, known := m.young[token]; known {
		m.young[token] = at.UnixNano() // the map keeps its own copy of the key
		return
	}
	if len(m.young) >= m.limit {
		m.young, m.old = make(map[string]int64), m.young
	}
	// The token is a piece of a request's Cookie header: without a copy, the map would keep the whole header in memory.
	m.young[strings.Clone(token)] = at.UnixNano()
}
