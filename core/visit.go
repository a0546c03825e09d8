package msm

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/lock"
)

// visit is one use of a session: by a request, or by a caller of Manager.Open. It is what the session and its exchange
// both have to know.
type visit struct {
	manager *Manager
	ctx     context.Context // the request's, with the session in it
	request *http.Request   // with that context; nil: opened
	opened  bool            // by Manager.Open: there is no request, and no client
	client  client
	sent    atomic.Bool                  // the response's header has been sent, or is about to be
	failed  bool                         // the first commit failed; guarded by Session.mu
	done    bool                         // nothing more of it is stored; guarded by Session.mu
	over    bool                         // the exchange has ended; guarded by Session.mu
	named   string                       // the pattern of the request's route, from Begin; empty: see request.Pattern
	find    func(r *http.Request) string // returns that pattern, called if it is needed; nil: nobody knows it
}

// errOver and errNoClient say why a session cannot be changed, or its client be told something. Both are ErrCommitted.
const (
	errOver     committed = "msm: the request has ended, so its session can no longer be changed; see Manager.Open"
	errNoClient committed = "msm: a session from Manager.Open has no client to send a cookie to"
)

// committed is an error with a text of its own that is ErrCommitted for errors.Is.
type committed string

func (c committed) Error() string        { return string(c) }
func (c committed) Is(target error) bool { return target == ErrCommitted }

// tooLate returns why the client can no longer be sent a cookie: errOver, errNoClient or ErrCommitted; nil if it can.
func (v *visit) tooLate() error {
	switch {
	case v.done:
		return errOver
	case v.opened:
		return errNoClient
	case v.sent.Load():
		return ErrCommitted
	}
	return nil
}

// safe reports whether the method is a safe one (RFC 9110, 9.2.1). An empty one is GET.
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "":
		return true
	}
	return false
}

// pattern returns the pattern of the request's route, if it is known; never its path, which may contain names. After
// the request's end find is not called: what it reads may belong to another request by then.
func (v *visit) pattern() string {
	pattern := v.named
	if pattern == "" && v.find != nil && !v.over {
		pattern = v.find(v.request)
	}
	if pattern == "" {
		pattern = v.request.Pattern
	}
	return lock.Route{Pattern: pattern}.Path()
}
