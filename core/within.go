package msm

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
)

// around returns the exchange of this manager that the request is in already; nil if there is none. It does not count
// if its request is over, was ignored, or came from another client: then it is not this request that was handed on.
func (m *Manager) around(r *http.Request) *Exchange {
	s, ok := m.sessionOf(r)
	if !ok {
		return nil
	}
	x := s.exchange
	s.enter()
	defer s.mu.Unlock()
	if x.over || errors.Is(s.why, ErrIgnored) || !x.sameClient(r) {
		return nil
	}
	return x
}

// sameClient reports whether a request names the same session as the one that the exchange began with.
func (x *Exchange) sameClient(r *http.Request) bool {
	other := Exchange{manager: x.manager}
	other.readIDs(r)
	if x.claims != nil || other.claims != nil {
		return slices.Equal(other.claims, x.claims)
	}
	return other.clientID == x.clientID && other.byHeader == x.byHeader
}

// join makes a part of the exchange, for a request that meets the middleware once more.
func (x *Exchange) join(r *http.Request, pattern string) (*Exchange, *http.Request, error) {
	part := &Exchange{manager: x.manager, within: x, original: r, request: r}
	if From(r.Context()) != &x.session { // another manager's middleware stands in between
		part.scope = scope{r.Context(), x}
		part.request = r.WithContext(&part.scope)
	}
	x.session.enter()
	defer x.session.mu.Unlock()
	if x.session.why != nil {
		return part, part.request, x.session.why
	}
	return part, part.request, x.lockFor(r, pattern)
}

// answersBy reports whether what is written to w is the request's answer: it has the same header. What goes into a buffer of
// its own, such as http.TimeoutHandler's, is not on its way to the client yet, and can bring it no cookie.
func (x *Exchange) answersBy(w http.ResponseWriter) bool {
	own := x.writer.ResponseWriter
	return own != nil && reflect.ValueOf(own.Header()).Pointer() == reflect.ValueOf(w.Header()).Pointer()
}

// lockFor takes the session's lock if the handler that the request was handed on to needs it, and it is not taken yet.
func (x *Exchange) lockFor(r *http.Request, pattern string) error {
	locks, s := x.manager.locks, &x.session
	if s.locked != nil || s.ended != nil || x.clientID.IsZero() && x.claims == nil || !locks.wants(r.URL.Path, route{r.Method, pattern}) {
		return nil
	}
	err := s.lockAgain(x.context())
	if err != nil {
		s.fail(err)
	}
	return err
}

// giveBack tells the request that net/http knows, and middleware outside, what became of the one with the session in its
// context: the files of a form, which net/http removes when the request is over, and the pattern that a ServeMux has found.
func (x *Exchange) giveBack() {
	if x.original.MultipartForm == nil {
		x.original.MultipartForm = x.request.MultipartForm
	}
	if x.original.Pattern == "" {
		x.original.Pattern = x.request.Pattern
	}
}
