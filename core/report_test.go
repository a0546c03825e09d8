package msm_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	msm "github.com/gomsm/msm/core"
)

// TestTheLogSaysWhatFailedWhere checks that the log names the route's pattern, and never the path or the id, which
// would do to log in.
func TestTheLogSaysWhatFailedWhere(t *testing.T) {
	t.Parallel()
	fail := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { msm.From(r.Context()).Set("f", func() {}) })
	mux := func(h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/items/{id}", h)
		return mux
	}
	for name, c := range map[string]struct {
		build func(m *msm.Manager) http.Handler
		route string
	}{
		"around the mux":               {func(m *msm.Manager) http.Handler { return m.Middleware(mux(fail)) }, "route=/items/{id} "},
		"within the mux":               {func(m *msm.Manager) http.Handler { return mux(m.Middleware(fail)) }, "route=/items/{id} "},
		"with another handler between": {func(m *msm.Manager) http.Handler { return m.Middleware(http.AllowQuerySemicolons(mux(fail))) }, "route=/items/{id} "},
		"with another router": {func(m *msm.Manager) http.Handler {
			return m.MiddlewareWithPattern(func(*http.Request) string { return "/items/:id" })(fail)
		}, "route=/items/:id "},
		"with an adapter of one's own":   {func(m *msm.Manager) http.Handler { return byHand(m, mux(fail)) }, "route=/items/{id} "},
		"without a route":                {func(m *msm.Manager) http.Handler { return m.Middleware(fail) }, ""},
		"with locks, which need to know": {func(m *msm.Manager) http.Handler { return m.Middleware(mux(fail)) }, "route=/items/{id} "},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logged{}
			config := msm.Config{Logger: log.logger()}
			if strings.Contains(name, "locks") {
				config.Locking = msm.LockAuto
			}
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			token := strings.FieldsFunc(id, func(r rune) bool { return r == '-' || r == '.' })[0]
			exchange(c.build(m), "PATCH", "/items/4711?q=4712", withCookie("SESSION="+id))
			lines := log.lines("request without its session")
			if len(lines) != 1 {
				t.Fatalf("%q", lines)
			}
			hash := sha256.Sum256([]byte(token))
			for _, field := range []string{
				"level=ERROR", "cause=attribute ", "method=PATCH ", c.route, "attribute=f ", "type=func()",
				" session=" + base64.RawURLEncoding.EncodeToString(hash[:])[:8] + " ",
			} {
				if !strings.Contains(lines[0], field) {
					t.Errorf("%s is missing in %s", field, lines[0])
				}
			}
			for _, secret := range []string{token, "4711", "4712"} {
				if strings.Contains(lines[0], secret) {
					t.Errorf("%s is in %s", secret, lines[0])
				}
			}
			if c.route == "" && strings.Contains(lines[0], "route=") {
				t.Error(lines[0])
			}
		})
	}
}

// byHand is an adapter that does no more than it must.
func byHand(m *msm.Manager, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r, err := m.Begin(r, r.Pattern)
		defer x.End()
		w = x.Writer(w)
		if err == nil {
			next.ServeHTTP(w, r)
		}
		_ = x.Finish()
	})
}

// TestClosingTellsWhatTheLogHasLeftOut checks that Close logs what was left out, and that nothing follows.
func TestClosingTellsWhatTheLogHasLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		m := newManager(t, msm.Config{Logger: log.logger()})
		for range 10 {
			visit(m, "", func(s *msm.Session) { s.Set("f", func() {}) })
		}
		_ = m.Close(t.Context())
		if lines := log.lines("request without its session"); len(lines) != 2 || reports(lines) != 10 {
			t.Errorf("%d lines tell of %d", len(lines), reports(lines))
		}
	})
}

// TestEachRouteWithAFaultIsTold checks that a fault of the program is logged for each route, and one of nodes once for
// all.
func TestEachRouteWithAFaultIsTold(t *testing.T) {
	t.Parallel()
	log := &logged{}
	m := newManager(t, msm.Config{Logger: log.logger()})
	mux := http.NewServeMux()
	for _, path := range []string{"/a", "/b"} {
		mux.HandleFunc(path, func(_ http.ResponseWriter, r *http.Request) {
			msm.From(r.Context()).Set("f"+r.FormValue("f"), func() {})
		})
	}
	for range 10 {
		for _, path := range []string{"/a", "/b", "/a?f=2"} {
			exchange(m.Middleware(mux), "GET", path, nil)
		}
	}
	if lines := log.lines("request without its session"); len(lines) != 3 {
		t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
	}
}
