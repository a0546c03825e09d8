package msm

import (
	"context"
	"errors"
)

// Close ends the manager: requests that begin later fail with ErrClosed. Call it after http.Server.Shutdown has
// returned; ListenAndServe does both.
//
// In sticky mode Close stores what is not stored yet. It returns an UnsavedError if something is left when ctx ends;
// with no node available that may be what it waits for. If ctx has no deadline, Close gives up when nothing could be
// stored for seven seconds, or ten times Config.OpTimeout if that is longer. In non-sticky mode nothing is left to
// store. The error also has that of ctx, if it ends before the manager's background work does.
//
// Further calls wait for the first one and return its error, or that of their own ctx if it ends first.
func (m *Manager) Close(ctx context.Context) error {
	if !m.closed.CompareAndSwap(false, true) {
		select {
		case <-m.ended:
			return m.unclean
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(m.ended)
	m.watches.close()
	var unsaved error
	if m.local != nil {
		if left := m.local.Close(ctx); left > 0 {
			unsaved = &UnsavedError{Sessions: left}
		}
	}
	m.unclean = errors.Join(unsaved, m.closeServices(ctx))
	m.log.Close()
	return m.unclean
}

// closeServices ends the background work and the nodes, and waits for that until ctx ends.
func (m *Manager) closeServices(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, service := range []interface{ Close() }{&m.keys, m.refills, m.peers, m.background, m.nodes} {
			service.Close()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
