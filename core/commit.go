package msm

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// commitNow stores what the request did, also if ctx ends meanwhile. On nil all of it is on the session's copies or, in
// sticky mode without BackupSync, in memory, from where it is stored within 100 ms. On an error some of it may be stored.
// A session that it ends is remembered and told to its watchers at once.
func (s *Session) commitNow(ctx context.Context) error {
	ended := s.ends.ended
	if err := s.commit(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if ended != nil {
		s.manager.absences.ended(ended.id.Token, ended.renewed)
		s.manager.watches.ended(ended.id.Token)
	}
	return nil
}

// commit stores. commitNow also makes an end known.
func (s *Session) commit(ctx context.Context) error {
	if s.err != nil {
		return s.err
	}
	if s.ends.mourns {
		s.mourn(ctx)
	}
	ended, d := s.ends.ended, &s.draft
	switch {
	case ended != nil && ended.renewed:
		return s.commitRenewal(ctx)
	case ended != nil:
		return s.commitEnd(ctx)
	case d.base == nil && d.work != nil:
		return s.commitFirst(ctx)
	case len(d.list) > 0:
		rec, err := s.at.commit(ctx, d)
		return s.adopt(s.at, rec, err)
	}
	return nil
}

// endAnyway makes the logout of a handler that has panicked since (rule E8).
func (s *Session) endAnyway() {
	ended := s.ends.ended
	if ended == nil || ended.renewed {
		return
	}
	s.forget()
	failed := s.err
	s.err = nil // whatever it was, the logout counts
	if err := s.commitNow(s.visit.ctx); err != nil {
		s.visit.report(ended.id.Token, "a handler panicked after Destroy, and the session could not be destroyed", err)
	}
	s.keep(failed)
}

// adopt takes the result of a write. After a success the session is at that handle, with that record. An error passes
// through gone, and leaves the changes for another commit.
func (s *Session) adopt(at handle, rec *record.Record, err error) error {
	if err != nil {
		s.keepWork()
		return gone(err)
	}
	s.at, s.draft.base, s.signIn = at, rec, signIn{}
	s.draft.drop()
	return nil
}

// keepWork keeps the changes for another commit. The failed write may still use the record that has them.
func (s *Session) keepWork() {
	if s.draft.work != nil {
		s.draft.work = s.draft.work.Draft()
	}
}

// commitFirst stores a new session, if it has attributes. A late request begins one only if it is a login itself, as
// with a double click. Otherwise, with a safe method its changes are dropped, because its client has not asked to store
// anything (RFC 9110, 9.2.1); with any other method it gets ErrGone (rule E12).
func (s *Session) commitFirst(ctx context.Context) error {
	switch {
	case s.begins():
		if s.ends.renews {
			return s.commitLogin(ctx)
		}
		return s.adopt(s.manager.backend.create(ctx, s.id, s.draft.work))
	case len(s.draft.work.Attributes) > 0 && !safe(s.visit.request.Method):
		return ErrGone
	}
	s.forget()
	return nil
}

// commitLogin stores a new session that begins with a login.
func (s *Session) commitLogin(ctx context.Context) error {
	login, undo, err := s.enroll(ctx, s.draft.work)
	if err != nil {
		return err
	}
	login.At = s.draft.work.Created
	s.draft.work.Login = login
	if err = s.adopt(s.manager.backend.create(ctx, s.id, s.draft.work)); err != nil {
		undo()
	}
	return err
}

// begins reports whether commitFirst would store a new session.
func (s *Session) begins() bool {
	return (len(s.draft.work.Attributes) > 0 || s.signIn.principal != "") && (!s.visit.client.late || s.ends.renews)
}

// commitEnd destroys the stored session. If the request has set something since, that begins a new session.
func (s *Session) commitEnd(ctx context.Context) error {
	err := s.ends.ended.at.destroy(ctx)
	if err != nil && !errors.Is(err, replica.ErrNoSession) {
		return err
	}
	s.ends.ended = nil
	if s.draft.work == nil {
		return nil
	}
	return s.commitFirst(ctx)
}

// commitRenewal ends the stored session, whose values go on under the new id. If the request's context has ended nobody
// would learn the new id, so nothing is stored and the old id stays (rule E9). That is looked at as late as possible, and
// what has begun goes on: ctx does not end with the request.
func (s *Session) commitRenewal(ctx context.Context) error {
	if answer := s.visit.ctx; answer.Err() != nil {
		return fmt.Errorf("msm: the client no longer waits for the response with the new session id, so the old one stays valid: %w", context.Cause(answer))
	}
	old, d := s.ends.ended, s.draft
	d.base = old.base
	login, undo, err := s.enroll(ctx, d.work)
	if err != nil {
		s.keepWork()
		return err
	}
	at, rec, err := old.at.renew(ctx, renewal{s.id, d, login})
	if err != nil { // it is gone's already
		undo()
		s.keepWork()
		return err
	}
	s.ends.ended = nil
	return s.adopt(at, rec, nil)
}

// mourn asks other instances to end the sessions that the client's ids name, for a logout or login whose session this
// instance has not found. Another instance may have the session: on a node that is not in this instance's list, while
// the lists are being changed, or in its memory, if the session has just begun and is not stored yet.
func (s *Session) mourn(ctx context.Context) {
	s.ends.mourns = false
	ids := []sid.ID{s.visit.client.id}
	for _, c := range s.visit.client.claims {
		ids = append(ids, c.id)
	}
	var all sync.WaitGroup
	for _, id := range ids {
		if !id.IsZero() {
			all.Go(func() { s.manager.store.Open(id.Token, id.Node).Mourn(ctx, id.Route) })
		}
	}
	all.Wait()
}
