package msm

import (
	"context"
	"net/http"
	"time"
)

// Idle reports whether no background job is queued or running.
func (m *Manager) Idle() bool { return m.background.Idle() }

// ServeOn is ListenAndServe with a listen function of the caller's.
func (m *Manager) ServeOn(ctx context.Context, server *http.Server, listen func() error, grace time.Duration) error {
	return m.serve(ctx, server, listen, grace)
}

// Fail answers a request as if its session could not be loaded, with that error.
func (m *Manager) Fail(w http.ResponseWriter, r *http.Request, err error) {
	x := &Exchange{visit: visit{manager: m, request: r}}
	x.begin(r.Context())
	x.answer(w, err)
}
