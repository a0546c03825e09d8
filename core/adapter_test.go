package msm_test

import (
	"net/http"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

type netMiddleware = func(http.Handler) http.Handler

// TestContract runs the contract on the middleware for net/http, which is the reference for adapters.
func TestContract(t *testing.T) {
	t.Parallel()
	testContract(t, func(m *msm.Manager) netMiddleware { return m.Middleware })
}

func testContract(t *testing.T, sessions func(*msm.Manager) netMiddleware) {
	t.Helper()
	msmtest.TestAdapter(t, msmtest.Framework[http.Handler, netMiddleware]{
		Sessions: sessions,
		Line:     "manager.Middleware(handler)",
		Build:    func(app msmtest.App[http.Handler, netMiddleware]) http.Handler { return serveGroup("", app.Group) },
		Handler: func(h msmtest.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = h(netCall(w, r)) })
		},
		Around: func(before func(msmtest.Call) bool, after func(msmtest.Call)) netMiddleware {
			return func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if before(netCall(w, r)) {
						next.ServeHTTP(w, r)
					}
					after(netCall(w, r))
				})
			}
		},
		Others: map[string]func() netMiddleware{
			"http.TimeoutHandler": func() netMiddleware {
				return func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Hour, "too slow") }
			},
		},
		Param: "{id}",
		Lacks: map[msmtest.Feature]string{
			msmtest.OwnAnswers:     "net/http's ways are those of the part above",
			msmtest.OwnRecovery:    "net/http has no middleware; its server ends the connection",
			msmtest.OwnCompression: "net/http does not compress",
			msmtest.OwnStatus:      "net/http does not tell the status that was sent",
			msmtest.ReturnedErrors: "handlers of net/http return nothing",
		},
	})
}

func netCall(w http.ResponseWriter, r *http.Request) msmtest.Call {
	return msmtest.Call{W: w, R: r, Session: func() *msm.Session { return msm.From(r.Context()) }}
}

func serveGroup(prefix string, g msmtest.Group[http.Handler, netMiddleware]) http.Handler {
	mux := http.NewServeMux()
	for _, r := range g.Routes {
		mux.Handle(r.Method+" "+prefix+r.Path, r.Handler)
	}
	for _, inner := range g.Groups {
		mux.Handle(prefix+inner.Prefix+"/", serveGroup(prefix+inner.Prefix, inner))
	}
	var h http.Handler = mux
	for i := len(g.Use) - 1; i >= 0; i-- {
		h = g.Use[i](h)
	}
	return h
}
