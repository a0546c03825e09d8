package msm

import (
	"context"
	"net/http"
	"time"
)

// Idle reports whether no background job is queued or running.
func (m *Manager) Idle() bool {
	m.background.mu.Lock()
	defer m.background.mu.Unlock()
	return len(m.background.pending) == 0
}

// ServeOn is ListenAndServe with a listen function of the caller's.
func (m *Manager) ServeOn(ctx context.Context, server *http.Server, listen func() error, grace time.Duration) error {
	return m.serve(ctx, server, listen, grace)
}
