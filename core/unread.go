package msm

import (
	"errors"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// loadEarly loads before the handler runs, which no handler does if its client leaves meanwhile. One runs for a session that can
// be ended and no more, for it may be the one that does.
func (s *Session) loadEarly() error {
	if err := s.loadBy((*Session).find); s.unread == nil {
		return err
	}
	return nil
}

// wreck is what is left of a session that cannot be read: it can be ended, unless a newer program may know what is in it.
func (s *Session) wreck(id sid.ID, why error) *ending {
	switch {
	case s.base != nil:
		return &ending{id: s.id, access: s.access, held: s.held, base: s.base, why: why}
	case errors.Is(why, replica.ErrDamaged):
		return &ending{id: id, access: s.manager.store.Open(id.Token, id.Node), why: why}
	}
	return nil
}

// endUnread has the request end a session that it cannot read, and go on without one. What it has read so far, nothing, was right.
func (s *Session) endUnread() {
	if s.unread == nil {
		return
	}
	if s.err == s.why { //nolint:errorlint // this very one, not one like it
		s.err = nil
	}
	s.ended, s.unread = s.unread, nil
	s.state, s.why = present, nil
	s.came, s.clear, s.wrote = true, true, true
	s.exchange.byCookie = !s.exchange.byHeader
}
