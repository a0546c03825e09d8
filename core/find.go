package msm

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		return s.why
	}
	s.state = present
	if err := find(s, s.exchange.context()); err != nil {
		s.state, s.why = refused, err
		s.fail(err)
	}
	return s.why
}

// findAnyway is find that goes on when the request's context has ended. A goroutine that outlives the handler, and a
// handler whose client has gone, must not take the visitor for one without a session (rule E9).
func (s *Session) findAnyway(ctx context.Context) error {
	if ctx.Err() == nil || s.exchange.opened {
		if err := s.find(ctx); err == nil || ctx.Err() == nil || s.exchange.opened {
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

// find loads the session that the request names. If there is none it returns nil, and s.base stays nil.
func (s *Session) find(ctx context.Context) error {
	if err := s.exchange.choose(ctx); err != nil {
		return err
	}
	id, asks := s.exchange.clientID, !s.exchange.opened // Manager.Open may be early, so its misses are not remembered
	if id.IsZero() || asks && s.manager.absent.Ahead(id.Token) {
		s.exchange.late = s.exchange.late || s.manager.renewed.Ahead(id.Token)
		return nil
	}
	err := s.seek(ctx, id)
	if err != nil {
		s.unread = s.wreck(id, err)
		s.forget()
	}
	if errors.Is(err, replica.ErrNoSession) {
		if asks {
			s.manager.missed(id)
		}
		s.exchange.late = s.manager.isLate(id.Token, err)
		return nil
	}
	if err == nil {
		s.came = true
		s.exchange.byCookie, s.exchange.life = !s.exchange.byHeader, s.manager.cookieLife(s.base)
	}
	return err
}

// missed remembers that the session does not exist (a negative cache). If the id names another instance the session may
// have begun there a moment ago and not be stored yet: then it is looked for again until it must have been stored
// (rule C23).
func (m *Manager) missed(id sid.ID) {
	now := time.Now()
	if id.Route != "" && id.Route != m.config.Route {
		switch until := m.awaited.Of(id.Token); {
		case until.IsZero():
			m.awaited.Put(id.Token, now.Add(storedTime))
			return
		case now.Before(until):
			return
		}
	}
	m.absent.Put(id.Token, now.Add(absentTime))
}

// seek finds the session in memory or on its nodes, and checks that its values can be decoded.
func (s *Session) seek(ctx context.Context, id sid.ID) (err error) {
	switch {
	case s.manager.local == nil:
		err = s.findStored(ctx, id)
	case s.exchange.sent.Load():
		err = s.findServed(ctx, id)
	default:
		err = s.findLocal(ctx, id)
	}
	if err != nil {
		return err
	}
	var known bool
	if s.coder, known = s.manager.readable[s.base.Transcoder]; !known {
		return unknownTranscoder(s.base.Transcoder)
	}
	return nil
}

// findStored loads the session from its nodes.
func (s *Session) findStored(ctx context.Context, id sid.ID) (err error) {
	s.id, s.access = id, s.manager.store.Open(id.Token, id.Node)
	if s.locked != nil {
		s.access.Under(s.locked.Lock)
	}
	s.base, err = s.access.Load(ctx)
	return err
}
