package msm

import (
	"errors"
	"net/http"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/sid"
)

// report counts a failed request, and logs it: trouble of nodes as one event for all requests, a fault of the program
// as one for each of its routes. If the client has gone, nothing is logged. token is that of the client's session;
// empty if it has none.
func (m *Manager) report(r *http.Request, token, message string, err error) {
	at := causeOf(r.Context(), err)
	causes[at].count(&m.refusals).Add(1)
	if at == abandonedCause {
		return
	}
	c := &causes[at]
	detail, args := c.name, []any{"cause", c.name, "error", err, "method", r.Method}
	if token != "" {
		args = append(args, "session", sid.Short(token))
	}
	if s, ok := m.sessionOf(r); ok {
		path := s.exchange.pattern()
		if path != "" {
			args = append(args, "route", path)
		}
		if c.status == http.StatusInternalServerError {
			detail += r.Method + path
		}
	}
	if wrong := (*AttributeError)(nil); errors.As(err, &wrong) {
		args = append(args, "attribute", short(wrong.Name), "type", wrong.Type)
		detail += short(wrong.Name)
	}
	m.log.Event(r.Context(), c.level, message, detail, args...)
}

// sessionOf returns the session of a request that Begin returned.
func (m *Manager) sessionOf(r *http.Request) (*Session, bool) {
	s, ok := r.Context().Value(contextKey{m}).(*Session)
	return s, ok
}

// token returns the token of the client's session; empty if it has none.
func (m *Manager) token(r *http.Request) string {
	s, ok := m.sessionOf(r)
	if !ok {
		return ""
	}
	s.enter()
	defer s.mu.Unlock()
	return s.exchange.clientID.Token
}

// pattern returns the pattern of the request's route, if it is known; never its path, which may contain names. After
// the request's end find is not called: what it reads may belong to another request by then.
func (x *Exchange) pattern() string {
	pattern := x.named
	if pattern == "" && x.find != nil && !x.over {
		pattern = x.find(x.request)
	}
	if pattern == "" {
		pattern = x.request.Pattern
	}
	return lock.Route{Pattern: pattern}.Path()
}
