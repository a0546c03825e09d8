package msm

import (
	"net/http"
	"net/http/httptest"
)

// visitor is a client with a cookie, whose requests go to whichever instance a test likes.
type visitor struct {
	id      string // that of the cookie; empty: it has none
	cookies int    // that it has got so far
}

// request sends a request, whose handler gets the session, and keeps the cookie of the response.
func (v *visitor) request(m *Manager, method string, handle func(s *Session)) *httptest.ResponseRecorder {
	return v.send(m, httptest.NewRequest(method, "/", nil), handle)
}

// send is like request, with a request that the test has made.
func (v *visitor) send(m *Manager, r *http.Request, handle func(s *Session)) *httptest.ResponseRecorder {
	if v.id != "" {
		r.Header.Set("Cookie", "SESSION="+v.id)
	}
	w := httptest.NewRecorder()
	m.Middleware(handlerOf(handle)).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.id = c.Value
		v.cookies++
	}
	return w
}

func handlerOf(handle func(s *Session)) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { handle(From(r.Context())) })
}
