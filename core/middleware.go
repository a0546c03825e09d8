package msm

import "net/http"

// Middleware gives every request to next its session; see From. It is the reference for adapters to frameworks.
func (m *Manager) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r, err := m.Begin(r)
		defer x.End()
		if err != nil {
			m.Fail(w, r, err)
			return
		}
		next.ServeHTTP(x.Writer(w), r)
		if err := x.Commit(w.Header()); err != nil {
			m.Fail(w, r, err)
		}
	})
}
