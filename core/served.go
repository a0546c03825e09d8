package msm

import (
	"context"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// findServed is findLocal for who is no request that its visitor sent here: the session is in memory if this instance serves
// it, or else it is read from its nodes, and stays with the one that does. Neither is a use of it.
func (s *Session) findServed(ctx context.Context, id sid.ID) error {
	held, access, rec, err := s.manager.served(ctx, id)
	if err != nil {
		return err
	}
	s.held, s.access, s.base, s.id = held, access, rec, id
	if held != nil {
		s.base, s.id.Node = held.View()
		s.id.Route = s.manager.config.Route
	} else {
		s.id.Route = rec.Route
	}
	return nil
}

// served answers a session in memory, or the access to one that another instance serves, and its record.
func (m *Manager) served(ctx context.Context, id sid.ID) (*local.Session, *replica.Access, *record.Record, error) {
	if id.Route == m.config.Route {
		if held := m.local.Peek(id.Token); held != nil {
			return held, nil, nil, nil
		}
	}
	if _, _, err := m.turns.take(ctx, id.Token); err != nil { // so that it is brought into memory once
		return nil, nil, nil, err
	}
	defer m.turns.give(id.Token, nil)
	access := m.store.Open(id.Token, id.Node)
	rec, err := access.Load(ctx)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case rec.Route != "" && rec.Route != m.config.Route:
		return nil, access, rec, nil
	}
	held := m.local.Peek(id.Token)
	if held == nil {
		held, err = m.local.Enter(id.Token, access, rec)
	}
	return held, nil, nil, err
}
