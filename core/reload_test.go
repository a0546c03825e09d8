package msm_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestReloadInARequest: a stream sees what other requests have stored since it began, and a logout.
func TestReloadInARequest(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		t.Run(mode, func(t *testing.T) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			r := requestWith("GET", id)
			m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := msm.From(r.Context())
				_, _ = io.WriteString(w, "x")
				for want := 1; want < 4; want++ {
					if err := s.Reload(t.Context()); err != nil || count.Get(s) != want {
						t.Errorf("%v, count %d; want %d", err, count.Get(s), want)
					}
					visit(m, id, func(s *msm.Session) { add(s) })
				}
				visit(m, id, func(s *msm.Session) { s.Destroy() })
				if err := s.Reload(t.Context()); !errors.Is(err, msm.ErrGone) || s.Has("count") {
					t.Errorf("%v, count %d", err, count.Get(s))
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		})
	}
}

// TestReloadThatFails: a function given to Update cannot make its change to what another request has stored meanwhile. A handler that
// goes on all the same gets no part of its changes stored.
func TestReloadThatFails(t *testing.T) {
	t.Parallel()
	few := func(n int) int {
		if n > 1 {
			panic("too many")
		}
		return n + 1
	}
	for mode, config := range kinds {
		t.Run(mode, func(t *testing.T) {
			m := newManager(t, config)
			id := begin(t, m, addOne)
			resp := visit(m, id, func(s *msm.Session) {
				s.Set("before", true)
				count.Update(s, few)
				visit(m, id, addOne)
				if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "too many") {
					t.Errorf("Reload: %v", err)
				}
				s.Set("after", true)
			})
			if resp.StatusCode != http.StatusInternalServerError {
				t.Errorf("answered %d", resp.StatusCode)
			}
			visit(m, id, func(s *msm.Session) {
				if n := count.Get(s); n != 2 || s.Has("before") || s.Has("after") {
					t.Errorf("counts %d, and has %v; want 2 and nothing else", n, s.Keys())
				}
			})
		})
	}
}
