package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// A page sends several requests at once. Those that are under way during a login come with the id that it ends, and
// find no session. If one of them began a session of its own, whose cookie might arrive last, its visitor would be
// logged out again.

// hasEnded remembers that the session has ended, so that late requests need not ask the nodes for it, and ends its
// watches.
func (m *Manager) hasEnded(e *ending) {
	now := time.Now()
	m.absent.Put(e.id.Token, now.Add(absentTime))
	if e.renewed {
		m.renewed.Put(e.id.Token, now.Add(absentTime))
	}
	m.watches.ended(e.id.Token)
}

// isLate reports whether a session that was not found got another id a moment ago, by Renew. gone is the error of the
// search.
func (m *Manager) isLate(token string, gone error) bool {
	if errors.Is(gone, replica.ErrRenewed) {
		m.renewed.Put(token, time.Now().Add(absentTime)) // as long as the nodes are not asked again
		return true
	}
	return m.renewed.Ahead(token)
}

// commitFirst stores a new session, if it has attributes. A late request begins one only if it is a login itself, as
// with a double click. Otherwise, with a safe method its changes are dropped, because its client has not asked to store
// anything (RFC 9110, 9.2.1); with any other method it gets ErrGone (rule E12).
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

// begins reports whether commitFirst would store a new session.
func (s *Session) begins() bool {
	return len(s.work.Attributes) > 0 && (!s.exchange.late || s.renews)
}
