// Package msmchi gives chi's handlers a session.
//
//	r := chi.NewRouter()
//	r.Use(msmchi.Sessions(m))
//	r.Post("/count", func(w http.ResponseWriter, r *http.Request) {
//		n := visits.Update(msmchi.Session(r), func(n int) int { return n + 1 })
//		...
//	})
//
// chi's handlers and middleware are those of net/http, so this is all there is to adapt. Put it behind
// middleware.Recoverer (r.Use(middleware.Recoverer, msmchi.Sessions(m))), so that a handler that panics stores nothing.
package msmchi

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	msm "github.com/gomsm/msm/core"
)

// Sessions is the middleware: it gives every request behind it its session, and stores that before the first byte of the
// answer leaves.
func Sessions(m *msm.Manager) func(http.Handler) http.Handler { return m.MiddlewareBy(route) }

// route answers the pattern of the route that chi will find, from the outermost router on.
func route(r *http.Request) string {
	at := chi.RouteContext(r.Context())
	if at == nil || at.Routes == nil {
		return r.Pattern
	}
	return at.Routes.Find(chi.NewRouteContext(), r.Method, r.URL.Path)
}

// Session answers the request's session. It panics if Sessions is missing in front of the handler.
func Session(r *http.Request) *msm.Session { return msm.From(r.Context()) }
