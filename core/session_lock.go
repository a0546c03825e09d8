package msm

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

var errNoLocking = errors.New("msm: Session.Lock: Config.Locking is none; set it to LockApp, or to a mode that locks by itself")

// Lock takes the session's lock, which no other request of the session can have at the same time, in any instance; it
// waits while another one has it. The lock lasts until Unlock or the end of the request; for a session of Manager.Open
// until Unlock or the end of the context given there. What is read after Lock is what the last request stored, with
// this request's changes so far. Lock does nothing if the request has the lock already, or has no stored session that
// others could use.
//
// The error is ErrLocked after Config.LockWait, ErrBusy if too many requests wait, ErrUnavailable without a node, that
// of ctx if it ends, ErrCommitted after the request's end, or that Config.Locking is LockNone. Such a request must not
// go on as if it had the lock: nothing of it is stored, and Config.ErrorHandler answers it.
func (s *Session) Lock(ctx context.Context) error {
	s.enter()
	defer s.mu.Unlock()
	err := s.lockAgain(ctx)
	if err != nil {
		s.fail(err)
	}
	return err
}

// lockAgain is Lock, for a caller that holds mu and keeps the error.
func (s *Session) lockAgain(ctx context.Context) error {
	switch {
	case s.manager.locks.mode == LockNone:
		return errNoLocking
	case s.exchange.done:
		return errOver
	case s.exchange.opened && s.exchange.context().Err() != nil:
		return context.Cause(s.exchange.context())
	case s.state == refused:
		return s.why
	case s.locked != nil || s.ended != nil:
		return nil
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	if s.base == nil {
		return s.load()
	}
	return s.reload(ctx)
}

// Unlock stores what the request has changed so far and releases the lock, so that the next request sees the changes.
// Call it before something that takes long and does not change the session, such as a stream. It does nothing if the
// request does not have the lock. On an error the lock is released, too, but the commit fails with that error.
func (s *Session) Unlock() error {
	s.enter()
	defer s.mu.Unlock()
	if s.locked == nil {
		return nil
	}
	defer s.unlock()
	err := s.commitNow(s.exchange.context())
	if err != nil {
		s.fail(err)
	}
	return err
}

// lock takes the lock of the session that the client's id names, if there is one (rule K8).
func (s *Session) lock(ctx context.Context) (err error) {
	if err := s.exchange.choose(ctx); err != nil {
		return err
	}
	token := s.exchange.clientID.Token
	if token == "" || s.manager.absent.Ahead(token) {
		return nil
	}
	if s.locked, err = s.manager.locks.Acquire(ctx, token); err != nil {
		return givenUp(ctx, err)
	}
	s.alone = true
	s.exchange.unlockAtEnd()
	if s.access != nil {
		s.access.Under(s.locked.Lock)
	}
	return nil
}

// givenUp makes the reason why a request stopped waiting wrap the context's error, too, if the context gives its cause
// in other words.
func givenUp(ctx context.Context, why error) error {
	if end := ctx.Err(); end != nil && errors.Is(why, context.Cause(ctx)) && !errors.Is(why, end) {
		return fmt.Errorf("%w: %w", end, why)
	}
	return why
}

// unlock releases the lock, if the request has it.
func (s *Session) unlock() {
	if s.locked == nil {
		return
	}
	s.manager.locks.Release(context.WithoutCancel(s.exchange.context()), s.exchange.clientID.Token, s.locked)
	s.locked, s.alone = nil, false
	s.exchange.stopEnd()
}

// reload loads the session again, and applies the request's changes to it.
func (s *Session) reload(ctx context.Context) error {
	err := s.loadAgain(ctx)
	if errors.Is(err, replica.ErrNoSession) && len(s.list) == 0 {
		s.lose(err)
		return nil
	}
	return gone(err)
}

// rebase replaces the record that was loaded, and applies the request's changes to the new one. If they cannot be
// applied, the commit fails: nothing of a request is stored in part.
func (s *Session) rebase(rec *record.Record) error {
	s.base, s.work = rec, nil
	if len(s.list) == 0 {
		return nil
	}
	s.work = rec.Draft()
	err := s.list.replay(s.work)
	if err != nil {
		s.fail(err)
	}
	return err
}

// redo applies the request's changes to a record that another request has stored meanwhile. A request that should have
// been the only one, because it has the lock or LockAuto took it for read-only, must not overwrite what it has not seen
// (rule K9).
func (s *Session) redo(list changes, base, rec *record.Record) error {
	if s.alone {
		if name, clash := list.clash(base, rec); clash {
			return fmt.Errorf("%w: another request has changed %q, which this one was to have for itself", ErrConflict, name)
		}
	}
	return list.replay(rec)
}
