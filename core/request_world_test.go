package msm_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// exchange serves one request in process, and returns its response.
func exchange(h http.Handler, method, path string, edit func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func withCookie(line string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Cookie", line) }
}

// visit calls f in a request of a client with that cookie, and returns the response.
func visit(m *msm.Manager, id string, f func(*msm.Session)) *http.Response {
	h := m.Middleware(handlerOf(f))
	if id == "" {
		return exchange(h, "POST", "/", nil)
	}
	return exchange(h, "POST", "/", withCookie("SESSION="+id))
}

// begin begins a session by f, and returns its id.
func begin(t testing.TB, m *msm.Manager, f func(*msm.Session)) (id string) {
	t.Helper()
	return sessionOf(t, m.Middleware(handlerOf(f)))
}

// sessionOf begins a session by POST /, and returns its id.
func sessionOf(t testing.TB, h http.Handler) (id string) {
	t.Helper()
	cookies := sessionCookies(exchange(h, "POST", "/", nil))
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	return cookies[0].Value
}

func bodyOf(resp *http.Response) string {
	var b [64]byte
	n, _ := resp.Body.Read(b[:])
	return string(b[:n])
}

func sessionCookies(resp *http.Response) (list []*http.Cookie) {
	for _, c := range resp.Cookies() {
		if c.Name == "SESSION" {
			list = append(list, c)
		}
	}
	return list
}

// idOf returns the id that a client with that cookie has after a response.
func idOf(w *http.Response, before string) string {
	for _, c := range sessionCookies(w) {
		return c.Value
	}
	return before
}

func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// nodeOf returns the part of an id that follows the token: the session's node, and the route if there is one.
func nodeOf(id string) string {
	_, node, _ := strings.Cut(id, "-")
	return node
}

func requestWith(method, id string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	r.Header.Set("Cookie", "SESSION="+id)
	return r
}

func open(t testing.TB, m *msm.Manager, id string) *msm.Session {
	t.Helper()
	s, err := m.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func commit(t testing.TB, s *msm.Session) {
	t.Helper()
	if err := s.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}

// counts fails the test if a visitor sees another count than want.
func counts(t testing.TB, m *msm.Manager, id string, want int) {
	t.Helper()
	visit(m, id, func(s *msm.Session) {
		if n := count.Get(s); n != want {
			t.Errorf("the visitor sees %d; want %d", n, want)
		}
	})
}
