package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// A page sends several requests at once. Those that were under way at a login come with the id that it has ended, and find
// no session: one of their own, whose cookie may arrive last, would put its visitor out again.

// hasEnded remembers the end of a session, so that requests that are late need not ask for it, and tells who watches it.
func (m *Manager) hasEnded(e *ending) {
	now := time.Now()
	m.absent.put(e.id.Token, now.Add(absentTime))
	if e.renewed {
		m.renewed.put(e.id.Token, now.Add(absentTime))
	}
	m.watches.ended(e.id.Token)
}

// isLate reports whether a session that is gone was given another id a moment ago.
func (m *Manager) isLate(token string, gone error) bool {
	if errors.Is(gone, replica.ErrRenewed) {
		m.renewed.put(token, time.Now().Add(absentTime)) // as long as it is not looked for again
		return true
	}
	return m.renewed.ahead(token)
}

// commitFirst begins a session, if there is something in it. A late request begins one only if it is a login itself, as with
// a double click. What else it would store is dropped if its method is a safe one (RFC 9110, 9.2.1), whose client has asked
// for nothing to be kept, and else refused with ErrGone.
func (s *Session) commitFirst(ctx context.Context) error {
	switch {
	case s.begins():
		return s.commitNew(ctx)
	case len(s.work.Attributes) > 0 && !safe(s.exchange.request.Method):
		return ErrGone
	}
	s.forget()
	return nil
}

// begins reports whether commitFirst begins a session, as things stand.
func (s *Session) begins() bool {
	return len(s.work.Attributes) > 0 && (!s.exchange.late || s.renews)
}
