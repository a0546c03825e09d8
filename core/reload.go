package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// Reload takes what is stored by now, as others have left it, for a session that is looked at for longer than a request
// takes: what is read from here on is that, with the changes that were not committed. It does not keep the session alive.
//
// It answers ErrGone if the session has ended, or has got another id by Renew; then it is empty. On another error, such as
// ErrUnavailable, it is as it was. It does nothing if there is no stored session, or this request is about to end it.
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

// loadAgain takes what is stored by now, and makes the changes to it that were not committed.
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
	s.manager.absent.put(s.id.Token, time.Now().Add(absentTime))
	s.forget()
}
