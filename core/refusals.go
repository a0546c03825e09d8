package msm

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/sid"
)

// blame says whose fault something is: by the answer's status, to the visitor, who learns what to do and nothing internal, and
// by the level of the log.
type blame struct {
	status int
	page   string
	level  slog.Level
}

// Only what passes by itself is 503 (RFC 9110, 15.6.4): nodes that do not answer or are behind, locks that others have, and
// an instance that ends. What is too large is 500 and not 413: the visitor cannot know what the program keeps.
var (
	program = blame{http.StatusInternalServerError, "Something went wrong on our side.", slog.LevelError}
	nobody  = blame{http.StatusConflict, "The session has ended meanwhile. Please try again.", slog.LevelWarn}
	another = blame{http.StatusConflict, "Another request has changed the session at the same time. Please try again.", slog.LevelWarn}
	ofNodes = blame{http.StatusServiceUnavailable, "The session is not available at the moment. Please try again.", slog.LevelError}
	waiting = blame{ofNodes.status, ofNodes.page, slog.LevelWarn}
)

// cause is why a request has to do without its session.
type cause struct {
	name string // in the log
	err  error  // what it is in errors.Is; nil: see causeOf
	blame
	count func(*Refusals) *uint64
}

// causes, those first that a second try cannot help: an error may have more than one, if what failed could not be undone.
var causes = [...]cause{
	{"attribute", nil, program, func(r *Refusals) *uint64 { return &r.Attribute }},
	{"too large", ErrTooLarge, program, func(r *Refusals) *uint64 { return &r.TooLarge }},
	{"unreadable", ErrUnreadable, program, func(r *Refusals) *uint64 { return &r.Unreadable }},
	{"gone", ErrGone, nobody, func(r *Refusals) *uint64 { return &r.Gone }},
	{"conflict", ErrConflict, another, func(r *Refusals) *uint64 { return &r.Conflict }},
	{"locked", ErrLocked, waiting, func(r *Refusals) *uint64 { return &r.Locked }},
	{"busy", ErrBusy, waiting, func(r *Refusals) *uint64 { return &r.Busy }},
	{"full", ErrFull, ofNodes, func(r *Refusals) *uint64 { return &r.Full }},
	{"unavailable", ErrUnavailable, ofNodes, func(r *Refusals) *uint64 { return &r.Unavailable }},
	{"closed", ErrClosed, waiting, func(r *Refusals) *uint64 { return &r.Closed }},
	{"abandoned", nil, waiting, func(r *Refusals) *uint64 { return &r.Abandoned }},
	{"misuse", nil, program, func(r *Refusals) *uint64 { return &r.Misuse }},
}

const (
	attributeCause = 0
	misuseCause    = len(causes) - 1
	abandonedCause = misuseCause - 1
)

// causeOf answers the place in causes. What is not known is the program's fault, unless its request's time is up: whoever
// ended that may have said why in words of their own.
func causeOf(ctx context.Context, err error) int {
	if wrong := (*AttributeError)(nil); errors.As(err, &wrong) {
		return attributeCause
	}
	for i, c := range causes {
		if c.err != nil && errors.Is(err, c.err) {
			return i
		}
	}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded, context.Cause(ctx)} {
		if end != nil && errors.Is(err, end) {
			return abandonedCause
		}
	}
	return misuseCause
}

// StatusOf answers the HTTP status that an error of a session deserves, for a Config.ErrorHandler of one's own: 503 for what
// passes by itself, such as trouble of nodes, 409 where another request came between, and 500 for what is the program's
// fault. With all but 500 it makes sense to try again: Retry-After may say so.
func StatusOf(err error) int { return causes[causeOf(context.Background(), err)].status }

// sorry is the default of Config.ErrorHandler.
func sorry(w http.ResponseWriter, r *http.Request, err error) {
	c := &causes[causeOf(r.Context(), err)]
	w.Header().Set("Cache-Control", "no-store")
	if c.status != http.StatusInternalServerError {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, c.page, c.status)
}

// refusals counts by cause. It is safe for concurrent use.
type refusals [len(causes)]atomic.Uint64

// add counts what failed, if it did.
func (r *refusals) add(ctx context.Context, err error) {
	if err != nil {
		r[causeOf(ctx, err)].Add(1)
	}
}

func (r *refusals) stats() (s Refusals) {
	for i := range causes {
		*causes[i].count(&s) = r[i].Load()
	}
	return s
}

// report counts what became of a request, and tells it: nodes' trouble once for all requests, a fault of the program for
// each of its routes. Whose client has gone is told to nobody. The token is that of the client's session, if it has one.
func (m *Manager) report(r *http.Request, token, message string, err error) {
	at := causeOf(r.Context(), err)
	m.refusals[at].Add(1)
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

// sessionOf answers the session of a request that has been begun.
func (m *Manager) sessionOf(r *http.Request) (*Session, bool) {
	s, ok := r.Context().Value(contextKey{m}).(*Session)
	return s, ok
}

// token is that of the client's session.
func (m *Manager) token(r *http.Request) string {
	s, ok := m.sessionOf(r)
	if !ok {
		return ""
	}
	s.enter()
	defer s.mu.Unlock()
	return s.exchange.clientID.Token
}

// pattern answers the pattern of the request's route, as far as it is known: never the path, in which there may be names. When
// the request is over what knows it may serve another one.
func (x *Exchange) pattern() string {
	pattern := x.named
	if pattern == "" && x.find != nil && !x.over {
		pattern = x.find(x.request)
	}
	if pattern == "" {
		pattern = x.request.Pattern
	}
	return route{"", pattern}.path()
}
