package msm

import "net/http"

// Middleware gives every request to next its session; see From. It is the reference for adapters to frameworks. It panics
// without a Manager, so that this is not found out by the first visitor.
func (m *Manager) Middleware(next http.Handler) http.Handler {
	pattern := func(r *http.Request) string { return r.Pattern }
	if mux, ok := next.(*http.ServeMux); ok {
		pattern = func(r *http.Request) string {
			_, pattern := mux.Handler(r)
			return pattern
		}
	}
	return m.MiddlewareBy(pattern)(next)
}

// MiddlewareBy is Middleware for routers that find a request's route behind it: pattern answers what BeginRoute wants to
// know, and is called only if Config.Locking is LockAuto, or a failure is told to the log.
func (m *Manager) MiddlewareBy(pattern func(r *http.Request) string) func(next http.Handler) http.Handler {
	if m == nil {
		panic("msm: the middleware of no Manager: make one with msm.New, or msm.FromEnv and msm.New")
	}
	soon := pattern
	if m.locks.mode != LockAuto { // then only a failure asks for it
		soon = func(*http.Request) string { return "" }
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x, r, err := m.BeginRoute(r, soon(r))
			x.find = pattern
			defer x.End()
			w = x.Writer(w)
			if err == nil {
				next.ServeHTTP(w, r)
			}
			_ = x.Finish() // the client has its answer, and the log the error
		})
	}
}
