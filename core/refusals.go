package msm

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/sid"
)

// blame says whose fault a failure is: by the response's status, by a text that tells the visitor what to do and
// nothing internal, and by the level of the log line.
type blame struct {
	status int
	page   string
	level  slog.Level
}

// Only what passes by itself is 503 (RFC 9110, 15.6.4): nodes that do not answer or are behind, locks that other
// requests hold, and an instance that shuts down. A session that is too large is 500, not 413: the visitor cannot know
// what the program stores. ofNodes and waiting differ only in the level of the log line.
var (
	program = blame{http.StatusInternalServerError, "Something went wrong on our side.", slog.LevelError}
	nobody  = blame{http.StatusConflict, "The session has ended meanwhile. Please try again.", slog.LevelWarn}
	another = blame{http.StatusConflict, "Another request has changed the session at the same time. Please try again.", slog.LevelWarn}
	ofNodes = blame{http.StatusServiceUnavailable, "Your session is not available at the moment. Please try again.", slog.LevelError}
	waiting = blame{ofNodes.status, ofNodes.page, slog.LevelWarn}
)

// cause is a reason why a request does without its session.
type cause struct {
	name string // in the log
	err  error  // an error is of this cause if errors.Is finds this in it; nil: see causeOf
	blame
	count func(*Refusals) *uint64 // its counter
}

// causes are all there are. An error may have more than one, if what failed could not be undone; the first in this list
// counts, so those that a retry cannot help come first.
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

// causeOf returns the index of an error's cause in causes. An error that is not known is the program's fault, unless
// the request's context has ended with it: whoever ended that may have given a cause in words of their own.
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

// causeName returns the name of an error's cause, for the log.
func causeName(ctx context.Context, err error) string { return causes[causeOf(ctx, err)].name }

// StatusOf returns the HTTP status for an error of a session, for a Config.ErrorHandler of your own: 503 for what
// passes by itself, such as nodes that do not answer, 409 if another request came between, and 500 for a fault of the
// program, as which any unknown error counts. Unless it is 500, a retry makes sense, and Retry-After may say so.
func StatusOf(err error) int { return causes[causeOf(context.Background(), err)].status }

// sorry is the error handler for a nil Config.ErrorHandler.
func sorry(w http.ResponseWriter, r *http.Request, err error) {
	c := &causes[causeOf(r.Context(), err)]
	w.Header().Set("Cache-Control", "no-store")
	if c.status != http.StatusInternalServerError {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, c.page, c.status)
}

// refusals counts failures by cause. It is safe for concurrent use.
type refusals [len(causes)]atomic.Uint64

// add counts an error, unless it is nil.
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

// report counts a failed request, and logs it: trouble of nodes as one event for all requests, a fault of the program
// as one for each of its routes. If the client has gone, nothing is logged. token is that of the client's session;
// empty if it has none.
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
