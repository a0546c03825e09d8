package msm

import (
	"errors"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// loadEarly loads the session before the handler runs (rule E2); if the client leaves meanwhile, the handler does not
// run. It is no error if the session can only be ended, not read: the handler may be the one that ends it.
func (s *Session) loadEarly() error {
	if err := s.loadBy((*Session).find); s.unread == nil {
		return err
	}
	return nil
}

// wreck returns what is left of a session that cannot be read, for it to be ended. It is nil if a newer program may
// know what is in it, or if the error is another one (rule E17).
func (s *Session) wreck(id sid.ID, why error) *ending {
	switch {
	case s.base != nil:
		return &ending{id: s.id, access: s.access, held: s.held, base: s.base, why: why}
	case errors.Is(why, replica.ErrDamaged):
		return &ending{id: id, access: s.manager.store.Open(id.Token, id.Node), why: why}
	}
	return nil
}

// endUnread makes the request end a session that it cannot read, and go on without one. Reads so far found nothing,
// which is right then.
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
