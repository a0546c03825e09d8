package msm

import (
	"errors"
	"net/http"
	"reflect"

	"github.com/gomsm/msm/core/internal/lock"
)

// around returns the exchange of this manager that the request is already in; nil if there is none (rule E18). An
// exchange does not count if its request is over or was ignored, or if it has other ids: then r is another request with
// its context.
func (m *Manager) around(r *http.Request) *Exchange {
	x, ok := r.Context().Value(exchangeKey{m}).(*Exchange)
	if !ok {
		return nil
	}
	s := &x.session
	s.enter()
	defer s.mu.Unlock()
	if x.over || errors.Is(s.loadErr, ErrIgnored) || !x.sameClient(r) {
		return nil
	}
	return x
}

// sameClient reports whether a request has the same ids as the one that the exchange began with.
func (x *Exchange) sameClient(r *http.Request) bool {
	var other client
	other.read(r, x.manager)
	return x.client.same(&other)
}

// join returns a part of the exchange, for a request that meets the middleware once more.
func (x *Exchange) join(r *http.Request, pattern string) (*Exchange, *http.Request, error) {
	part := &Exchange{visit: visit{manager: x.manager, request: r}, within: x, original: r}
	if From(r.Context()) != &x.session { // another manager's middleware stands in between
		part.scope = scope{r.Context(), x}
		part.request = r.WithContext(&part.scope)
	}
	x.session.enter()
	defer x.session.mu.Unlock()
	if x.session.loadErr != nil {
		return part, part.request, x.session.loadErr
	}
	return part, part.request, x.lockFor(r, pattern)
}

// answersBy reports whether what is written to w belongs to the request's response: w has the same header map. A writer
// with a buffer and a header of its own, such as http.TimeoutHandler's, has not: what it gets is not on its way to the
// client yet, and cannot bring it a cookie.
func (x *Exchange) answersBy(w http.ResponseWriter) bool {
	own := x.writer.ResponseWriter
	return own != nil && reflect.ValueOf(own.Header()).Pointer() == reflect.ValueOf(w.Header()).Pointer()
}

// lockFor takes the session's lock if the handler that the request was handed on to needs it and the request does not
// have it.
func (x *Exchange) lockFor(r *http.Request, pattern string) error {
	locks, s := x.manager.locks, &x.session
	if s.locked != nil || s.ends.ended != nil || x.client.isZero() || !locks.wants(r.URL.Path, lock.Route{Method: r.Method, Pattern: pattern}) {
		return nil
	}
	err := s.lockAgain(x.ctx)
	if err != nil {
		s.fail(err)
	}
	return err
}

// giveBack copies to the request that net/http and outer middleware know what the one with the session in its context
// got: the files of a form, which net/http removes when the request is over, and the pattern that a ServeMux has found.
func (x *Exchange) giveBack() {
	if x.original.MultipartForm == nil {
		x.original.MultipartForm = x.request.MultipartForm
	}
	if x.original.Pattern == "" {
		x.original.Pattern = x.request.Pattern
	}
}
