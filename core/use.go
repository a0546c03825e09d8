package msm

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// keepAlive records that the session was used (rule E16), in the background and only when that is due (see
// replica.RefreshDue).
func (s *Session) keepAlive() {
	m, id := s.manager, s.visit.client.id
	switch {
	case s.state == notLoaded && (m.absences.has(id.Token) || m.backend.touch(id)):
	case s.state == notLoaded && !m.refreshes.Ahead(id.Token):
		m.refresh(id.Clone())
	case s.draft.base != nil:
		s.at.used(s.draft.base)
	}
}

// refresh records the use of a session for a request that did not look for it. If this instance has never seen the
// session, the id may be a stranger's invention.
func (m *Manager) refresh(id sid.ID) {
	add := m.background.AddClaimed
	if m.refreshes.Has(id.Token) {
		add = m.background.Add
	}
	add(id.Token, id.Node, func(ctx context.Context, access *replica.Access, token string) error {
		err := m.background.RefreshNow(ctx, access, token)
		if errors.Is(err, replica.ErrNoSession) {
			m.absences.missed(id)
		}
		return err
	})
}
