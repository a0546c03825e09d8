package msm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

var errNoLocking = errors.New("msm: Session.Lock: Config.Locking is none; set it to LockApp, or to a mode that locks by itself")

// Lock waits until no other request of the session has its lock, in any instance, and takes it until the request ends or
// Unlock. What is read from here on is what the last one stored, with this request's changes so far. It does nothing if
// the request has the lock already, or has no stored session that others could use.
//
// After Config.LockWait it answers ErrLocked, with too many that wait ErrBusy, and ErrUnavailable without a node. Such a
// request must not go on as if it had the lock: nothing of it is stored, and it is answered by Config.ErrorHandler.
func (s *Session) Lock(ctx context.Context) error {
	s.enter()
	defer s.mu.Unlock()
	err := s.lockAgain(ctx)
	if err != nil {
		s.fail(err)
	}
	return err
}

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

// Unlock stores what the request has changed so far and releases the lock, so that the next request sees it. Call it
// before something that takes long and does not change the session, such as a stream. It does nothing without a lock.
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

// lock takes the lock of the session that the client has, if it has one.
func (s *Session) lock(ctx context.Context) (err error) {
	if err := s.exchange.choose(ctx); err != nil {
		return err
	}
	token := s.exchange.clientID.Token
	if token == "" || s.manager.absent.ahead(token) {
		return nil
	}
	if s.locked, err = s.manager.locks.take(ctx, token); err != nil {
		return givenUp(ctx, err)
	}
	s.alone = true
	s.exchange.unlockAtEnd()
	if s.access != nil {
		s.access.Under(s.locked.lock)
	}
	return nil
}

// givenUp says of who waits no longer also that it is so, if the context tells it in words of its own.
func givenUp(ctx context.Context, why error) error {
	if end := ctx.Err(); end != nil && errors.Is(why, context.Cause(ctx)) && !errors.Is(why, end) {
		return fmt.Errorf("%w: %w", end, why)
	}
	return why
}

func (s *Session) unlock() {
	if s.locked == nil {
		return
	}
	s.manager.locks.give(context.WithoutCancel(s.exchange.context()), s.exchange.clientID.Token, s.locked)
	s.locked, s.alone = nil, false
	s.exchange.stopEnd()
}

// reload takes what is stored by now, and makes the request's changes to it.
func (s *Session) reload(ctx context.Context) error {
	err := s.loadAgain(ctx)
	if errors.Is(err, replica.ErrNoSession) && len(s.list) == 0 {
		s.lose(err)
		return nil
	}
	return gone(err)
}

// rebase takes another record for the one that was loaded.
func (s *Session) rebase(rec *record.Record) error {
	s.base, s.work = rec, nil
	if len(s.list) == 0 {
		return nil
	}
	s.work = rec.Draft()
	return s.list.replay(s.work)
}

// redo makes the request's changes to a record that another request has stored meanwhile. One that should have had the
// session for itself, because it has the lock or was thought not to need it, must not write over what it has not seen.
func (s *Session) redo(list changes, base, rec *record.Record) error {
	if s.alone {
		if name, clash := list.clash(base, rec); clash {
			return fmt.Errorf("%w: in spite of the lock another one has changed %q", ErrConflict, name)
		}
	}
	return list.replay(rec)
}

// clash answers an attribute that the list overwrites, and that has not the value any more which the request saw.
func (l changes) clash(base, now *record.Record) (name string, clash bool) {
	for _, c := range l {
		switch c.kind {
		case setAttribute, deleteAttribute:
			if !sameAttribute(c.name, base, now) {
				return c.name, true
			}
		case clearAttributes:
			for _, a := range slices.Concat(base.Attributes, now.Attributes) {
				if !sameAttribute(a.Name, base, now) {
					return a.Name, true
				}
			}
		}
	}
	return "", false
}

func sameAttribute(name string, a, b *record.Record) bool {
	x, inA := a.Get(name)
	y, inB := b.Get(name)
	return inA == inB && string(x) == string(y)
}
