package msm

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/replica"
)

// Reload loads the session again, as others have left it, and applies this request's uncommitted changes to it. It is
// for a session that is used for longer than a request takes. It does not keep the session alive.
//
// Reload returns ErrGone if the session has ended, or has another id by Renew; it is empty then. It returns
// ErrUnavailable if no node can say, and leaves the session as it was; ErrClosed; or the error of ctx. If this request's
// changes cannot be applied, because a function given to Update panics, it returns that error, and so does the commit.
// It does nothing if there is no stored session, or if this request is about to end it.
func (s *Session) Reload(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.enter()
	defer s.mu.Unlock()
	switch {
	case s.manager.closed.Load():
		return ErrClosed
	case s.state != present:
		return s.load()
	case s.draft.base == nil && s.visit.opened:
		return ErrGone
	case s.draft.base == nil || s.ends.ended != nil:
		return nil
	}
	err := s.loadAgain(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		s.lose(err)
		return ErrGone
	}
	return err
}
