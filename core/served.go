package msm

import (
	"context"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// findServed is findLocal for a caller that is not a request of the visitor at this instance, such as Manager.Open. If
// this instance serves the session, it is in memory, or brought there. If not, it is read from its nodes, and stays
// with the instance that serves it. Neither counts as a use.
func (s *Session) findServed(ctx context.Context, id sid.ID) error {
	held, access, rec, err := s.manager.served(ctx, id)
	if err != nil {
		return err
	}
	s.held, s.access, s.base, s.id = held, access, rec, id
	if held != nil {
		s.base, s.id.Node = s.manager.local.Rehome(held)
		s.id.Route = s.manager.config.Route
	} else {
		s.id.Route = rec.Route
	}
	return nil
}

// served returns the session in memory if this instance serves it, and else the access to it and its record.
func (m *Manager) served(ctx context.Context, id sid.ID) (*local.Session, *replica.Access, *record.Record, error) {
	if held := m.local.PeekServed(id); held != nil {
		return held, nil, nil, nil
	}
	if _, _, err := m.turns.Acquire(ctx, id.Token); err != nil { // so that parallel callers load it once
		return nil, nil, nil, err
	}
	defer m.turns.Release(id.Token, nil)
	return m.local.HoldServed(ctx, id)
}
