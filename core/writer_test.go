package msm_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestWhatCannotBeSentCommitsNothing checks that a missing ability, or one that fails, does not commit.
func TestWhatCannotBeSentCommitsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		below func(w http.ResponseWriter) http.ResponseWriter
		try   func(w http.ResponseWriter) error
	}{
		"a flush of a buffer": {
			func(w http.ResponseWriter) http.ResponseWriter { return struct{ http.ResponseWriter }{w} },
			func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		},
		"a takeover by HTTP/2": {
			func(w http.ResponseWriter) http.ResponseWriter { return w },
			func(w http.ResponseWriter) error { _, _, err := http.NewResponseController(w).Hijack(); return err },
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, msm.Config{})
			inner := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := msm.From(r.Context())
				err := c.try(w)
				if !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("%v", err)
				}
				add(s) // a session can still begin, with its cookie
				fmt.Fprint(w, count.Get(s), " ", s.Err())
			}))
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(c.below(w), r)
			}))
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			resp, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, _ := io.ReadAll(resp.Body); string(body) != "1 <nil>" || len(sessionCookies(resp)) != 1 {
				t.Errorf("%s, cookies %v", body, resp.Cookies())
			}
		})
	}
}

// TestHintsAreNoAnswer has a writer that cannot send hints before the response, as http.TimeoutHandler's, and would
// take them for it.
func TestHintsAreNoAnswer(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{MaxSessionSize: 100})
	a := serve(t, http.TimeoutHandler(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		msm.From(r.Context()).Set("large", make([]byte, 1000))
		fmt.Fprint(w, "secret")
	})), hangTimeout, ""))
	if resp, body := a.do("GET", "/"); resp.StatusCode < 500 || body == "secret" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}
