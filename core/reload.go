package msm

import (
	"context"
	"errors"
	"time"

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
	case s.base == nil && s.exchange.opened:
		return ErrGone
	case s.base == nil || s.ended != nil:
		return nil
	}
	err := s.loadAgain(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		s.lose(err)
		return ErrGone
	}
	return err
}

// loadAgain loads the stored session again, and applies the changes to it that were not committed.
func (s *Session) loadAgain(ctx context.Context) (err error) {
	rec := s.base
	if s.manager.local == nil {
		s.access.Forget()
		rec, err = s.access.Load(ctx)
	} else if err = s.seek(ctx, s.currentID()); err == nil {
		rec = s.base
	}
	if err != nil {
		return err
	}
	return s.rebase(rec)
}

// lose empties a session that has turned out to be gone.
func (s *Session) lose(gone error) {
	s.came, s.exchange.late = false, s.manager.isLate(s.id.Token, gone)
	s.manager.absent.Put(s.id.Token, time.Now().Add(absentTime))
	s.forget()
}
