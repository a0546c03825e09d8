package msm

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// lateOps bounds a load that does not end with the request's context, in multiples of OpTimeout. A load takes a few
// operations.
const lateOps = 10

// load finds the session that the request names, once; the caller holds mu. An error stays: whatever the handler
// writes, which sees an empty session, is withheld (rule E3).
func (s *Session) load() error { return s.loadBy((*Session).findAnyway) }

// loadBy is load by the given way to find the session.
func (s *Session) loadBy(find func(*Session, context.Context) error) error {
	switch s.state {
	case present:
		return nil
	case refused:
		return s.loadErr
	}
	s.state = present
	if err := find(s, s.visit.ctx); err != nil {
		s.state, s.loadErr = refused, err
		s.fail(err)
	}
	return s.loadErr
}

// findAnyway is find that goes on when the request's context has ended. A goroutine that outlives the handler, and a
// handler whose client has gone, must not take the visitor for one without a session (rule E9).
func (s *Session) findAnyway(ctx context.Context) error {
	if ctx.Err() == nil || s.visit.opened {
		if err := s.find(ctx); err == nil || ctx.Err() == nil || s.visit.opened {
			return err
		}
	}
	if s.manager.closed.Load() {
		return ErrClosed
	}
	bound := lateOps * s.manager.config.OpTimeout
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
	defer cancel()
	err := s.find(ctx)
	if err != nil && ctx.Err() != nil { // the bound, and not a client that has gone
		return fmt.Errorf("%w: the session could not be loaded within %v", ErrUnavailable, bound)
	}
	return err
}

// find loads the session that the request names. If there is none it returns nil, and there is no base.
func (s *Session) find(ctx context.Context) error {
	if err := s.visit.choose(ctx); err != nil {
		return err
	}
	c, absences := &s.visit.client, s.manager.absences
	if c.id.IsZero() || !s.visit.opened && absences.has(c.id.Token) {
		c.late = c.late || absences.wasRenewed(c.id.Token)
		if !c.id.IsZero() {
			s.manager.suspects.Unknown.Add(1)
		}
		return nil
	}
	id := c.id
	err := s.seek(ctx, id)
	if err != nil {
		s.ends.unread = s.wreck(id, err)
		s.forget()
	}
	if errors.Is(err, replica.ErrDamaged) {
		return nil // and no absence: a logout still has to write over what is there
	}
	if errors.Is(err, replica.ErrNoSession) {
		s.missed(err)
		return nil
	}
	if err == nil {
		s.came = true
		c.byCookie, c.life = !c.byHeader, s.manager.cookieLife(s.draft.base)
	}
	return err
}

// missed records that the client's session does not exist. Manager.Open may be early, so its misses are not remembered.
func (s *Session) missed(gone error) {
	c, absences := &s.visit.client, s.manager.absences
	if !s.visit.opened {
		s.manager.suspects.Unknown.Add(1)
		absences.missed(c.id)
	}
	c.late = absences.isLate(c.id.Token, gone)
}

// seek finds the session where it is stored, and checks that its values can be decoded.
func (s *Session) seek(ctx context.Context, id sid.ID) error {
	var at handle
	var rec *record.Record
	var err error
	if s.visit.sent.Load() {
		at, rec, err = s.manager.backend.open(ctx, id, s.locked, &s.room)
	} else {
		at, rec, err = s.manager.backend.find(ctx, id, s.locked, &s.room)
	}
	if err != nil {
		return err
	}
	return s.found(ctx, id, at, rec)
}

// found takes what was found. A session that was ended where nobody found it ends now (rule P4).
func (s *Session) found(ctx context.Context, id sid.ID, at handle, rec *record.Record) error {
	if s.manager.principals.isOver(ctx, id, rec) {
		_ = at.destroy(context.WithoutCancel(ctx)) // else the next request asks again
		s.manager.watches.ended(id.Token)
		return replica.ErrNoSession
	}
	s.id, s.at, s.draft.base = id, at, rec
	var known bool
	if s.coder, known = s.manager.readable[rec.Transcoder]; !known {
		return unknownTranscoder(rec.Transcoder)
	}
	return nil
}

// loadAgain loads the stored session again, and applies the changes to it that were not committed.
func (s *Session) loadAgain(ctx context.Context) error {
	at, rec, err := s.at.reload(ctx, s.visit.sent.Load(), &s.room)
	if err == nil {
		err = s.found(ctx, s.id, at, rec)
	}
	if err != nil {
		return err
	}
	return s.rebase(rec)
}

// loadEarly loads the session before the handler runs (rule E2); if the client leaves meanwhile, the handler does not
// run. It is no error if the session can only be ended, not read: the handler may be the one that ends it.
func (s *Session) loadEarly() error {
	if err := s.loadBy((*Session).find); s.ends.unread == nil {
		return err
	}
	return nil
}

// wreck returns what is left of a session that cannot be read, for it to be ended; nil: the error is another one (rule
// E17).
func (s *Session) wreck(id sid.ID, why error) *endedSession {
	switch {
	case s.draft.base != nil:
		return &endedSession{id: s.id, at: s.at, base: s.draft.base, why: why}
	case replica.CanOnlyEnd(why):
		return &endedSession{id: id, at: s.manager.backend.remains(id), why: why}
	}
	return nil
}

// lose empties a session that has turned out to be gone.
func (s *Session) lose(gone error) {
	s.came, s.visit.client.late = false, s.manager.absences.isLate(s.id.Token, gone)
	s.manager.absences.ended(s.id.Token, false)
	s.forget()
}
