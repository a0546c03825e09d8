package msm

import "net/http"

// Middleware gives every request to next its session; see From. It is the reference for adapters to frameworks.
func (m *Manager) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r, err := m.Begin(r)
		defer x.End()
		w = x.Writer(w)
		if err == nil {
			next.ServeHTTP(w, r)
		}
		_ = x.Finish() // the client has its answer, and the log the error
	})
}
