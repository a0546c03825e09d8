package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// choose decides, once, which of several claims is the client's. The caller holds Session.mu.
func (v *visit) choose(ctx context.Context) error {
	c := &v.client
	if c.claims == nil || c.chosen {
		return nil
	}
	chosen, late, err := v.manager.living(ctx, c.claims)
	if err != nil {
		return err
	}
	c.claim, c.chosen, c.late = chosen, true, late
	return nil
}

// living returns the claim whose session exists, or the zero claim if there is none. Ids of sessions that have ended do
// not count: two apps, a deploy with another Path or a browser that restores its tabs leave such ids. If the sessions
// of two cookies exist someone may have planted one of the cookies, so neither is believed (rule E13). The header goes
// first, because no other site can set it. A session that cannot be read is taken for another app's, and returned only
// if there is no other. If a node cannot say whether a session exists living returns that error. late reports whether a
// login has ended one of the other sessions a moment ago.
func (m *Manager) living(ctx context.Context, claims []claim) (chosen claim, late bool, err error) {
	var unreadable claim
	for _, c := range claims {
		switch err := m.look(ctx, c.id); {
		case errors.Is(err, replica.ErrNoSession):
			late = m.absences.isLate(c.id.Token, err) || late
		case errors.Is(err, ErrUnreadable):
			unreadable = c
		case err != nil:
			return claim{}, false, err
		case c.byHeader:
			return c, late, nil
		case !chosen.id.IsZero():
			m.suspects.choose(m.log)
			return claim{}, late, nil
		default:
			chosen = c
		}
	}
	if chosen.id.IsZero() {
		return unreadable, late, nil
	}
	return chosen, late, nil
}

// look returns nil if the session exists and can be read, and else why not. It neither keeps it alive nor takes it
// over.
func (m *Manager) look(ctx context.Context, id sid.ID) error {
	if m.absences.has(id.Token) {
		return replica.ErrNoSession
	}
	rec, _, err := m.principals.peek(ctx, id)
	if errors.Is(err, replica.ErrNoSession) {
		m.absences.missed(id)
	}
	if err != nil {
		return err
	}
	if _, known := m.readable[rec.Transcoder]; !known {
		return unknownTranscoder(rec.Transcoder)
	}
	return nil
}

// keepOne records the use of the session for a request with several claims whose handler never looked at it. It chooses
// the claim in the background, and only when a refresh is due.
func (m *Manager) keepOne(claims []claim) {
	if m.chosen.Ahead(claims[0].id.Token) {
		return
	}
	list := make([]claim, len(claims))
	for i, c := range claims {
		c.id = c.id.Clone()
		list[i] = c
	}
	m.background.AddClaimed(list[0].id, func(ctx context.Context, _ *replica.Access, id sid.ID) error {
		chosen, _, err := m.living(ctx, list)
		if err != nil {
			return err
		}
		m.chosen.Put(id.Token, time.Now().Add(m.config.IdleTimeout/20))
		if chosen.id.IsZero() || m.backend.touch(chosen.id) {
			return nil
		}
		return m.background.RefreshNow(ctx, m.store.Open(chosen.id.Token, chosen.id.Node), chosen.id)
	})
}
