// Package msmchi is the adapter of msm for chi: it gives every request a session.
//
//	r := chi.NewRouter()
//	r.Use(msmchi.Sessions(m))
//	r.Post("/count", func(w http.ResponseWriter, r *http.Request) {
//		n := visits.Update(msmchi.Session(r), func(n int) int { return n + 1 })
//		...
//	})
//
// chi uses the handlers and middleware of net/http, so there is little to adapt. Install Sessions after
// middleware.Recoverer: r.Use(middleware.Recoverer, msmchi.Sessions(m)). Then a handler that panics stores nothing.
package msmchi

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	msm "github.com/gomsm/msm/core"
)

// Sessions returns the middleware. It gives every request behind it a session, and stores the session before the first
// byte of the response leaves. It panics if m is nil.
func Sessions(m *msm.Manager) func(http.Handler) http.Handler { return m.MiddlewareWithPattern(route) }

// route returns the pattern of the route that chi will choose, as the outermost router sees it; without chi, r.Pattern.
func route(r *http.Request) string {
	at := chi.RouteContext(r.Context())
	if at == nil || at.Routes == nil {
		return r.Pattern
	}
	return at.Routes.Find(chi.NewRouteContext(), r.Method, r.URL.Path)
}

// Session returns the request's session. It panics if Sessions is not installed in front of the handler.
func Session(r *http.Request) *msm.Session { return msm.From(r.Context()) }
