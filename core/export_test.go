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
