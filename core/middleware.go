package msm

import "net/http"

// Middleware returns a handler that gives every request to next its session; see From. It is also the model for
// adapters to frameworks. If next is an *http.ServeMux, LockAuto and the log know a request's route by its pattern; for
// another router use MiddlewareWithPattern. It panics if m is nil, so that this is found at the start and not by the first
// visitor.
func (m *Manager) Middleware(next http.Handler) http.Handler {
	pattern := func(r *http.Request) string { return r.Pattern }
	if mux, ok := next.(*http.ServeMux); ok {
		pattern = func(r *http.Request) string {
			_, pattern := mux.Handler(r)
			return pattern
		}
	}
	return m.MiddlewareWithPattern(pattern)(next)
}

// MiddlewareWithPattern is like Middleware, for routers that choose the route after the middleware has run. pattern returns the
// pattern of a request's route, such as "/items/{id}", as Begin takes it; empty: unknown. It is called before the
// handler if Config.Locking is LockAuto, and else only when a failure is logged. It must be safe for concurrent use.
func (m *Manager) MiddlewareWithPattern(pattern func(r *http.Request) string) func(next http.Handler) http.Handler {
	if m == nil {
		panic("msm: Middleware of a nil *Manager: make one with msm.New, or msm.FromEnv and msm.New")
	}
	soon := pattern
	if m.locks.mode != LockAuto { // the pattern is needed only when a failure is logged
		soon = func(*http.Request) string { return "" }
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x, r, err := m.Begin(r, soon(r))
			x.find = pattern
			defer x.End()
			w = x.Writer(w)
			if err == nil {
				next.ServeHTTP(w, r)
			}
			_ = x.Finish() // the client has its response, and the error is in the log
		})
	}
}
