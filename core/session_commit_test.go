package msm_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestCommitInARequest checks that Commit stores the changes so far at once, except for those that need a cookie.
func TestCommitInARequest(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		for name, c := range map[string]struct {
			handler func(s *msm.Session, w io.Writer)
			between int // what others see after Commit; 0: that there is no session
			status  int
		}{
			"before the first byte":  {func(s *msm.Session, _ io.Writer) { add(s) }, 2, 200},
			"after the first byte":   {func(s *msm.Session, w io.Writer) { _, _ = io.WriteString(w, "x"); add(s) }, 2, 200},
			"a login waits":          {func(s *msm.Session, _ io.Writer) { _ = s.Renew(); add(s) }, 1, 200},
			"a logout waits":         {func(s *msm.Session, _ io.Writer) { s.Destroy() }, 1, 200},
			"a late logout does not": {func(s *msm.Session, w io.Writer) { _, _ = io.WriteString(w, "x"); s.Destroy() }, 0, 200},
			"what cannot be stored fails the request": {func(s *msm.Session, _ io.Writer) {
				s.Set("big", make([]byte, 300<<10))
			}, 1, 500},
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				m := newManager(t, config)
				id := begin(t, m, func(s *msm.Session) { add(s) })
				h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s := msm.From(r.Context())
					c.handler(s, w)
					if err := s.Commit(r.Context()); (err != nil) != (c.status != 200) {
						t.Errorf("Commit: %v", err)
					}
					visit(m, id, func(s *msm.Session) {
						if n := count.Get(s); n != c.between {
							t.Errorf("others see %d; want %d", n, c.between)
						}
					})
				}))
				if resp := exchange(h, "GET", "/", withCookie("SESSION="+id)); resp.StatusCode != c.status {
					t.Errorf("status %d; want %d", resp.StatusCode, c.status)
				}
			})
		}
	}
}

// TestCommitOfASessionThatBegins waits for the first byte, because the cookie is sent with it.
func TestCommitOfASessionThatBegins(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		t.Run(mode, func(t *testing.T) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) {
				add(s)
				if err := s.Commit(t.Context()); err != nil {
					t.Error(err)
				}
				if err := s.Reload(t.Context()); err != nil || count.Get(s) != 1 {
					t.Errorf("Reload: %v, %d", err, count.Get(s))
				}
				if _, err := m.Open(t.Context(), s.ID()); !errors.Is(err, msm.ErrGone) {
					t.Errorf("Open: %v", err)
				}
			})
			counts(t, m, id, 1) // although Open did not find it before
			if n := count.Get(open(t, m, id)); n != 1 {
				t.Errorf("opened: %d", n)
			}
		})
	}
}
