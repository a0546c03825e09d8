package msm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestAPanicOfUpdate has the function panic when it is called again, on a list that another request has emptied
// meanwhile. The request fails like one whose value cannot be encoded, nothing of it is stored, and the function is not
// called once more. No recover in the handler or a middleware sees the panic.
func TestAPanicOfUpdate(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(w http.ResponseWriter, s *msm.Session){
		"at the first byte":     func(w http.ResponseWriter, s *msm.Session) { _, _ = io.WriteString(w, "popped") },
		"by a status":           func(w http.ResponseWriter, s *msm.Session) { w.WriteHeader(http.StatusNoContent) },
		"after the handler":     func(http.ResponseWriter, *msm.Session) {},
		"at a Lock":             func(w http.ResponseWriter, s *msm.Session) { _ = s.Lock(context.Background()) },
		"at an Unlock":          func(w http.ResponseWriter, s *msm.Session) { _ = s.Unlock() },
		"at a Pop of the same":  func(w http.ResponseWriter, s *msm.Session) { list.Pop(s) },
		"at a Renew's end":      func(w http.ResponseWriter, s *msm.Session) { _ = s.Renew() },
		"at a Pop of something": func(w http.ResponseWriter, s *msm.Session) { msm.Pop[int](s, "n") },
	} {
		for _, where := range []string{"no recovery", "recovery inside", "recovery outside"} {
			for mode, config := range map[string]msm.Config{
				"no locks": {}, "locks": {Locking: msm.LockApp}, "sticky": {Sticky: true}, "sticky, sync": {Sticky: true, BackupSync: true},
			} {
				if mode != "locks" && name == "at a Lock" {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s, %s", name, where, mode), func(t *testing.T) {
					said := ""
					config.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
						said = err.Error()
						w.WriteHeader(http.StatusInternalServerError)
					}
					m := newManager(t, config)
					id := begin(t, m, func(s *msm.Session) { list.Set(s, []string{"x"}); s.Set("n", 1) })
					panics := 0
					var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						s := msm.From(r.Context())
						s.Set("other", 1)
						list.Update(s, func(l []string) []string {
							if len(l) == 0 {
								panics++
							}
							return l[1:]
						})
						visit(m, id, func(s *msm.Session) { list.Set(s, nil) })
						handler(w, s)
					})
					if where == "recovery inside" {
						h = recovery(h)
					}
					if h = m.Middleware(h); where == "recovery outside" {
						h = recovery(h)
					}
					server := httptest.NewServer(h)
					defer server.Close()
					r, _ := http.NewRequest("POST", server.URL, nil)
					r.Header.Set("Cookie", "SESSION="+id)
					resp, err := server.Client().Do(r)
					if err != nil {
						t.Fatal(err)
					}
					defer resp.Body.Close()
					if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 500 || string(body) == "popped" {
						t.Errorf("%d %q", resp.StatusCode, body)
					}
					if panics != 1 || !strings.Contains(said, `"list"`) || !strings.Contains(said, "panic_test.go:") {
						t.Errorf("it panicked %d times; the error is %q", panics, said)
					}
					visit(m, id, func(s *msm.Session) {
						if s.IsNew() || s.Has("other") {
							t.Errorf("stored is %q", s.Keys())
						}
					})
				})
			}
		}
	}
}

// TestAPanicOfTheCommit checks that the innermost recover can answer it, and that the response does not panic again.
func TestAPanicOfTheCommit(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { list.Set(s, []string{"x"}) })
	h := m.Middleware(recovery(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, calls := msm.From(r.Context()), 0
		s.Set("other", 1)
		list.Update(s, func(l []string) []string {
			if calls++; calls > 1 {
				s.Keys() // not allowed in Update's function
			}
			return l
		})
		visit(m, id, func(s *msm.Session) { list.Set(s, nil) })
		_, _ = io.WriteString(w, "secret")
	})))
	if resp := exchange(h, "POST", "/", withCookie("SESSION="+id)); resp.StatusCode != 500 || len(resp.Cookies()) > 0 {
		t.Errorf("%d, %v", resp.StatusCode, resp.Cookies())
	}
	visit(m, id, func(s *msm.Session) {
		if s.IsNew() || s.Has("other") {
			t.Errorf("stored is %q", s.Keys())
		}
	})
}
