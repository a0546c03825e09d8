package msm

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// maxCookies bounds how many cookies of our name count: each may cost the check of a signature and a look at the nodes.
const maxCookies = 4

// claim is an id in a request that this manager could have made. Whether its session exists is not known yet.
type claim struct {
	id       sid.ID
	byHeader bool
	outdated bool // it should be sent again as ids are signed now; see sid.Format.Parse
}

// readIDs takes the ids from the request's cookies and Config.Header. Which of several is the client's is decided when
// the session is needed; see choose. If there are more than maxCookies cookies of our name no cookie counts: nobody has
// so many by mistake.
func (x *Exchange) readIDs(r *http.Request) {
	m := x.manager
	if values := m.headerValues(r); len(values) > 0 {
		x.asked = true
		x.claim(values[0], true)
	}
	found, first := 0, ""
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var value string
			var ok bool
			if value, line, ok = cutCookie(line, m.config.Cookie.Name); !ok {
				continue
			}
			if found++; found == 1 {
				x.found, first = true, value
			}
			x.several = x.several || value != first
			if found > maxCookies {
				x.dropCookies()
				return
			}
			x.claim(value, false)
		}
	}
}

// headerValues returns the values of Config.Header in the request.
func (m *Manager) headerValues(r *http.Request) []string {
	if m.config.Header == "" {
		return nil
	}
	return r.Header.Values(m.config.Header)
}

// claim adds a value, which may be an id. If two cookies name the same session with different nodes the later one
// counts: browsers send the cookie of the shortest path last (RFC 6265, 5.4), and that is more likely ours.
func (x *Exchange) claim(value string, byHeader bool) {
	id, outdated, ok := x.manager.format.Parse(value)
	c := claim{id, byHeader, outdated}
	switch {
	case !ok:
	case x.clientID.IsZero() && x.claims == nil:
		x.take(c)
	case x.claims == nil && x.clientID.Token == id.Token:
		if !x.byHeader {
			x.take(c)
		}
	case x.claims == nil:
		x.claims = []claim{x.taken(), c}
		x.take(claim{})
	default:
		x.claimOneMore(c)
	}
}

// take makes the claim's id the client's. With the zero claim the client has no id.
func (x *Exchange) take(c claim) { x.clientID, x.byHeader, x.outdated = c.id, c.byHeader, c.outdated }

// taken returns the claim that was taken last.
func (x *Exchange) taken() claim { return claim{x.clientID, x.byHeader, x.outdated} }

// claimOneMore adds a claim to several. It replaces a cookie's claim to the same session.
func (x *Exchange) claimOneMore(c claim) {
	for i, old := range x.claims {
		if old.id.Token == c.id.Token {
			if !old.byHeader {
				x.claims[i] = c
			}
			return
		}
	}
	x.claims = append(x.claims, c)
}

// dropCookies drops the ids that came in cookies, and keeps that of the header.
func (x *Exchange) dropCookies() {
	first := x.taken()
	if x.claims != nil {
		first = x.claims[0] // the header's, if there is one, because that is read first
	}
	x.claims = nil
	if !first.byHeader {
		first = claim{}
	}
	x.take(first)
}

// cutCookie splits the first cookie off a Cookie header. It returns the value as it was sent, and whether the cookie
// has that name. An id needs no unescaping or unquoting. http.Request.CookiesNamed would cost requests that never look
// at the session two allocations.
func cutCookie(line, name string) (value, rest string, ok bool) {
	part, rest, _ := strings.Cut(line, ";")
	key, value, ok := strings.Cut(strings.Trim(part, " \t"), "=")
	return value, rest, ok && key == name
}

// choose decides, once, which of several claims is the client's. The caller holds session.mu.
func (x *Exchange) choose(ctx context.Context) error {
	if x.claims == nil || x.chosen {
		return nil
	}
	chosen, late, err := x.manager.living(ctx, x.claims)
	if err != nil {
		return err
	}
	x.take(chosen)
	x.chosen, x.late = true, late
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
			late = m.isLate(c.id.Token, err) || late
		case errors.Is(err, ErrUnreadable):
			unreadable = c
		case err != nil:
			return claim{}, false, err
		case c.byHeader:
			return c, late, nil
		case !chosen.id.IsZero():
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
	if m.absent.Ahead(id.Token) {
		return replica.ErrNoSession
	}
	if m.local != nil && id.Route == m.config.Route && m.local.Peek(id.Token) != nil {
		return nil
	}
	rec, err := m.store.Open(id.Token, id.Node).Load(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		m.missed(id)
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
	if m.refreshes.Ahead(claims[0].id.Token) {
		return
	}
	list := make([]claim, len(claims))
	for i, c := range claims {
		c.id = c.id.Clone()
		list[i] = c
	}
	m.background.Add(list[0].id.Token, list[0].id.Node, func(ctx context.Context, _ *replica.Access, token string) error {
		chosen, _, err := m.living(ctx, list)
		if err != nil {
			return err
		}
		m.refreshes.Put(token, time.Now().Add(m.config.IdleTimeout/20))
		if chosen.id.IsZero() || m.usedLocal(chosen.id) {
			return nil
		}
		return m.background.RefreshNow(ctx, m.store.Open(chosen.id.Token, chosen.id.Node), chosen.id.Token)
	})
}
