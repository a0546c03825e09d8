package msm

import (
	"context"
	"net/http"
	"time"
)

// Idle reports whether nothing is left of what requests have asked for in the background.
func (m *Manager) Idle() bool {
	m.background.mu.Lock()
	defer m.background.mu.Unlock()
	return len(m.background.pending) == 0
}

// ServeOn is ListenAndServe on whatever listens.
func (m *Manager) ServeOn(ctx context.Context, server *http.Server, listen func() error, grace time.Duration) error {
	return m.serve(ctx, server, listen, grace)
}
