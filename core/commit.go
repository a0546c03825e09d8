package msm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// changed reports whether the request has something to store.
func (s *Session) changed() bool { return len(s.list) > 0 || s.ended != nil }

// commit stores what the request did. On nil all of it is on the session's copies or, in sticky mode without
// BackupSync, in memory, from where it is stored within 100 ms. On an error some of it may be stored.
func (s *Session) commit(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	if s.mourns {
		s.mourn(ctx)
	}
	switch {
	case s.ended != nil && s.ended.renewed:
		return s.commitRenewal(ctx)
	case s.ended != nil:
		return s.commitEnd(ctx)
	case s.base == nil && s.work != nil:
		return s.commitFirst(ctx)
	case len(s.list) > 0:
		return s.commitChanges(ctx)
	}
	return nil
}

// mendLater queues the repair of the session's copies, if the request has found or left one missing or stale.
func (s *Session) mendLater() {
	if s.access != nil && s.access.NeedsHeal() {
		s.manager.background.Heal(s.id.Token, s.access.Home())
	}
}

// commitChanges stores the list of changes to a session that is stored already.
func (s *Session) commitChanges(ctx context.Context) error {
	if s.held != nil {
		return s.stored(s.commitLocal(ctx, s.work, s.list.kept(), s.list.call()))
	}
	return s.stored(s.write(ctx, func(rec *record.Record) error {
		rec.LastAccess = time.Now()
		if sameRecord(rec, s.base) {
			rec.TakeValues(s.work)
			return nil
		}
		return s.redo(s.list, s.base, rec)
	}))
}

// write changes the stored session. Writes of this instance to one session take turns, so that they do not conflict on
// the node (rule W17).
func (s *Session) write(ctx context.Context, change replica.Change) (*record.Record, error) {
	_, waited, err := s.manager.turns.Acquire(ctx, s.id.Token)
	if err != nil {
		return nil, err
	}
	defer s.manager.turns.Release(s.id.Token, nil)
	if waited {
		s.access.Forget()
	}
	if s.manager.local != nil {
		return s.manager.local.Change(ctx, s.id.Token, s.access, change)
	}
	return s.access.Write(ctx, change)
}

// sameRecord reports whether a and b are the same write.
func sameRecord(a, b *record.Record) bool {
	return a.Version == b.Version && a.LastWrite() == b.LastWrite()
}

// commitNew stores a session that begins.
func (s *Session) commitNew(ctx context.Context) error {
	if s.manager.local != nil {
		return s.stored(s.createLocal(ctx))
	}
	s.access = s.manager.store.Open(s.id.Token, "")
	stored, err := s.access.Create(ctx, s.work)
	return s.stored(stored, err)
}

// commitEnd destroys the stored session. If the request has set something since, that begins a new session.
func (s *Session) commitEnd(ctx context.Context) error {
	err := s.destroy(ctx)
	if err != nil && !errors.Is(err, replica.ErrNoSession) {
		return err
	}
	s.ended = nil
	if s.work == nil {
		return nil
	}
	return s.commitFirst(ctx)
}

// destroy writes the end of the session on its nodes, and in sticky mode in memory.
func (s *Session) destroy(ctx context.Context) error {
	if s.ended.held != nil {
		return s.destroyLocal(ctx)
	}
	if s.manager.local != nil {
		return s.manager.local.End(ctx, s.ended.id.Token, s.ended.access)
	}
	return s.ended.access.Destroy(ctx, nil)
}

// commitRenewal first stores the values under the new id and then destroys the old session: after a failure in between
// the client still has what it had. What other requests have stored in the old session meanwhile is carried over. Of
// two logins at the same time, as with a double click, both count, each with a session of its own (rules E9 and E11).
// If the request's context has ended nobody would learn the new id, so nothing is stored and the old id stays.
func (s *Session) commitRenewal(ctx context.Context) error {
	if answer := s.exchange.context(); answer.Err() != nil {
		return fmt.Errorf("msm: the client no longer waits for the response with the new session id, so the old one stays valid: %w", context.Cause(answer))
	}
	if s.ended.held != nil {
		return s.renewLocal(ctx)
	}
	old, list := s.ended, s.list
	s.work = s.manager.successor(s.work)
	if err := s.commitNew(ctx); err != nil {
		return err
	}
	copied := old.base
	err := old.access.Renewed(ctx, func(last *record.Record) error {
		if sameRecord(last, copied) {
			return nil
		}
		copied = last.Clone()
		return s.carryOver(ctx, old.base, last.Draft(), list)
	})
	if err != nil && !errors.Is(err, replica.ErrRenewed) {
		return errors.Join(gone(err), s.open().Destroy(ctx, nil))
	}
	s.ended = nil
	return nil
}

// carryOver stores in the new session what another request has stored in the old one (last), with this request's
// changes.
func (s *Session) carryOver(ctx context.Context, base, last *record.Record, list changes) error {
	if err := s.redo(list, base, last); err != nil {
		return err
	}
	_, err := s.access.Write(ctx, func(rec *record.Record) error {
		rec.TakeValues(last)
		return nil
	})
	return err
}

// open returns another access to the session that the commit has stored.
func (s *Session) open() *replica.Access {
	return s.manager.store.Open(s.id.Token, s.access.Home())
}

// stored takes the result of a write. After a success rec is what the session is from here on.
func (s *Session) stored(rec *record.Record, err error) error {
	if err != nil {
		if s.work != nil {
			s.work = s.work.Draft() // the failed write may still use the old one
		}
		return gone(err)
	}
	s.base, s.work, s.list = rec, nil, nil
	return nil
}

// gone turns replica.ErrNoSession into ErrGone.
func gone(err error) error {
	if errors.Is(err, replica.ErrNoSession) {
		return ErrGone
	}
	return err
}

// keepAlive records that the session was used (rule E16), in the background and only when that is due (see
// replica.RefreshDue).
func (s *Session) keepAlive() {
	m, now := s.manager, time.Now()
	id := s.exchange.clientID
	switch {
	case s.state == notLoaded && m.absent.Ahead(id.Token):
		return
	case s.state == notLoaded && m.usedLocal(id):
		return
	case s.state == notLoaded:
	case s.base == nil:
		return
	case s.held != nil:
		s.manager.local.Use(s.held, now)
		return
	default:
		id = s.currentID()
		m.refreshes.Put(id.Token, replica.RefreshDue(s.base))
	}
	if !m.refreshes.Ahead(id.Token) {
		m.background.Refresh(id.Token, id.Node)
	}
}
