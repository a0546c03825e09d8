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

// maxCookies bounds how many cookies of our name are looked at: each may cost a signature's check and a look at the nodes.
const maxCookies = 4

// claim is an id that a request carries and that verifies. Whether its session lives is another question.
type claim struct {
	id       sid.ID
	byHeader bool
	outdated bool // as Parse says it
}

// readIDs takes the ids from the request. Of several it is decided when somebody wants to know; see choose. With more
// cookies than anybody has by mistake someone planted them: none.
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

func (m *Manager) headerValues(r *http.Request) []string {
	if m.config.Header == "" {
		return nil
	}
	return r.Header.Values(m.config.Header)
}

// claim takes a value that may be an id. The same session may be named with two nodes: the later cookie is rather ours, for
// those of the shortest path come last (RFC 6265, 5.4).
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

// take has the client be who the claim says; that of the zero claim is nobody.
func (x *Exchange) take(c claim) { x.clientID, x.byHeader, x.outdated = c.id, c.byHeader, c.outdated }

func (x *Exchange) taken() claim { return claim{x.clientID, x.byHeader, x.outdated} }

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

// dropCookies leaves only what the header says.
func (x *Exchange) dropCookies() {
	first := x.taken()
	if x.claims != nil {
		first = x.claims[0] // the header's, if there is one
	}
	x.claims = nil
	if !first.byHeader {
		first = claim{}
	}
	x.take(first)
}

// cutCookie takes a cookie off a line, with its value as it was sent if it has that name: nothing is unescaped or unquoted,
// for an id needs neither. http.Request.CookiesNamed would do, at two allocations for requests that never look at the session.
func cutCookie(line, name string) (value, rest string, ok bool) {
	part, rest, _ := strings.Cut(line, ";")
	key, value, ok := strings.Cut(strings.Trim(part, " \t"), "=")
	return value, rest, ok && key == name
}

// choose decides which of several claims is the client's. Called with session.mu.
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

// living answers the claim whose session lives; zero if there is none. Two apps, a deploy with another Path or a browser
// that restores its tabs leave ids of dead sessions, which do not count. If the sessions of two cookies live someone may
// have planted one, so none is believed; the header, which no other site can set, goes before them. A session that cannot
// be read is another app's, unless there is no better one. A node that does not answer is no reason to believe anyone. late: a
// login has ended one of the others a moment ago.
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

// look reports why the session is not to be had; nil if it lives. It does not keep it alive, nor take it over.
func (m *Manager) look(ctx context.Context, id sid.ID) error {
	if m.absent.ahead(id.Token) {
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

// keepOne keeps the session alive that a request with several claims has, whose handler never looked at it. It is decided
// off the request's path, and not oftener than needed.
func (m *Manager) keepOne(claims []claim) {
	if m.refreshes.ahead(claims[0].id.Token) {
		return
	}
	list := make([]claim, len(claims))
	for i, c := range claims {
		c.id = c.id.Clone()
		list[i] = c
	}
	m.background.add(job{token: list[0].id.Token, node: list[0].id.Node, run: func(ctx context.Context, b *background, _ *replica.Access, token string) error {
		chosen, _, err := m.living(ctx, list)
		if err != nil {
			return err
		}
		m.refreshes.put(token, time.Now().Add(m.config.IdleTimeout/20))
		if chosen.id.IsZero() || m.usedLocal(chosen.id) {
			return nil
		}
		return doRefresh(ctx, b, m.store.Open(chosen.id.Token, chosen.id.Node), chosen.id.Token)
	}})
}
