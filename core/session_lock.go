package msm

import (
	"context"
	"errors"
	"fmt"

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
	case s.visit.done:
		return errOver
	case s.visit.opened && s.visit.ctx.Err() != nil:
		return context.Cause(s.visit.ctx)
	case s.state == refused:
		return s.loadErr
	case s.locked != nil || s.ends.ended != nil:
		return nil
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	if s.draft.base == nil {
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
	err := s.commitNow(s.visit.ctx)
	if err != nil {
		s.fail(err)
	}
	return err
}

// lock takes the lock of the session that the client's id names, if there is one (rule K8).
func (s *Session) lock(ctx context.Context) (err error) {
	if err := s.visit.choose(ctx); err != nil {
		return err
	}
	token := s.visit.client.id.Token
	if token == "" || s.manager.absences.has(token) || s.at == nil && s.invented(ctx) {
		return nil
	}
	if s.locked, err = s.manager.locks.Acquire(ctx, token); err != nil {
		return givenUp(ctx, err)
	}
	s.draft.exclusive = true
	s.unlockAtEnd()
	if s.at != nil {
		s.at.hold(s.locked)
	}
	return nil
}

// invented reports whether there is no such session, if this instance has seen none yet. Otherwise strangers' ids would
// cost locks.
func (s *Session) invented(ctx context.Context) bool {
	m, id := s.manager, s.visit.client.id
	if m.refreshes.Has(id.Token) {
		return false
	}
	_, _, err := m.backend.peek(ctx, id)
	if errors.Is(err, replica.ErrNoSession) {
		s.missed(err)
		return true
	}
	return false
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
	s.manager.locks.Release(context.WithoutCancel(s.visit.ctx), s.visit.client.id.Token, s.locked)
	s.locked, s.draft.exclusive = nil, false
	s.stopEnd()
}

// reload loads the session again, and applies the request's changes to it.
func (s *Session) reload(ctx context.Context) error {
	err := s.loadAgain(ctx)
	if errors.Is(err, replica.ErrNoSession) && len(s.draft.list) == 0 {
		s.lose(err)
		return nil
	}
	return gone(err)
}

// unlockAtEnd has an opened session's lock released when the context ends that it was opened with. The end of its
// exchange releases that of a request.
func (s *Session) unlockAtEnd() {
	if s.visit.opened {
		s.lockEnds = context.AfterFunc(s.visit.ctx, s.releaseLock)
	}
}

// stopEnd undoes unlockAtEnd.
func (s *Session) stopEnd() {
	if s.lockEnds != nil {
		s.lockEnds()
		s.lockEnds = nil
	}
}

// releaseLock releases the lock before a response that takes long, such as a stream: it is not expected to change the
// session.
func (s *Session) releaseLock() {
	s.enter()
	defer s.mu.Unlock()
	s.unlock()
}
