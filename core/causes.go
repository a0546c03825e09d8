package msm

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gomsm/msm/core/internal/counter"
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
	crowded = blame{http.StatusConflict, "You are logged in in too many places. Please log out there first.", slog.LevelInfo}
	ofNodes = blame{http.StatusServiceUnavailable, "Your session is not available at the moment. Please try again.", slog.LevelError}
	waiting = blame{ofNodes.status, ofNodes.page, slog.LevelWarn}
)

// cause is a reason why a request does without its session.
type cause struct {
	name string // in the log
	err  error  // an error is of this cause if errors.Is finds this in it; nil: see causeOf
	blame
	count func(*refusals) *counter.Counter
}

// causes are all there are. An error may have more than one, if what failed could not be undone; the first in this list
// counts, so those that a retry cannot help come first.
var causes = [...]cause{
	{"attribute", nil, program, func(r *refusals) *counter.Counter { return &r.Attribute }},
	{"too large", ErrTooLarge, program, func(r *refusals) *counter.Counter { return &r.TooLarge }},
	{"unreadable", ErrUnreadable, program, func(r *refusals) *counter.Counter { return &r.Unreadable }},
	{"too many sessions", ErrTooManySessions, crowded, func(r *refusals) *counter.Counter { return &r.TooManySessions }},
	{"gone", ErrGone, nobody, func(r *refusals) *counter.Counter { return &r.Gone }},
	{"conflict", ErrConflict, another, func(r *refusals) *counter.Counter { return &r.Conflict }},
	{"locked", ErrLocked, waiting, func(r *refusals) *counter.Counter { return &r.Locked }},
	{"busy", ErrBusy, waiting, func(r *refusals) *counter.Counter { return &r.Busy }},
	{"full", ErrFull, ofNodes, func(r *refusals) *counter.Counter { return &r.Full }},
	{"unavailable", ErrUnavailable, ofNodes, func(r *refusals) *counter.Counter { return &r.Unavailable }},
	{"closed", ErrClosed, waiting, func(r *refusals) *counter.Counter { return &r.Closed }},
	{"abandoned", nil, waiting, func(r *refusals) *counter.Counter { return &r.Abandoned }},
	{"misuse", nil, program, func(r *refusals) *counter.Counter { return &r.Misuse }},
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

// defaultErrorHandler is Config.ErrorHandler if that is nil.
func defaultErrorHandler(w http.ResponseWriter, r *http.Request, err error) {
	c := &causes[causeOf(r.Context(), err)]
	w.Header().Set("Cache-Control", "no-store")
	if c.status != http.StatusInternalServerError {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, c.page, c.status)
}

// refusals counts failures by cause; see Refusals. It is safe for concurrent use.
type refusals struct {
	Unavailable, Full, Locked, Busy, Closed, Conflict, Gone, TooLarge, TooManySessions, Unreadable, Attribute, Misuse, Abandoned counter.Counter
}

// add counts an error, unless it is nil.
func (r *refusals) add(ctx context.Context, err error) {
	if err != nil {
		causes[causeOf(ctx, err)].count(r).Add(1)
	}
}
