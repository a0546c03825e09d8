package msm

import "context"

// Open finds a session by its id, as Session.ID returns it, outside of a request: for background jobs, messages of a
// WebSocket, and administration tools. Session.Commit stores what the session's methods change; without it nothing is
// stored. There is no client that could be told anything, so Renew and Persist fail with ErrCommitted, and no session
// can begin: once this one is destroyed, every change fails with ErrGone. The session is as safe for concurrent use as
// that of a request, and need not be closed.
//
// Opening, reading and Reload do not keep the session alive; Commit does. In sticky mode the session stays with the
// instance that serves it. If that is this one, it is changed in its memory; if not, the other one learns of a change
// within half a second. Only Session.Lock takes the session's lock, which lasts until Unlock or until ctx ends.
//
// The error is ErrInvalidID if this manager cannot have made the id, ErrGone if there is no such session (any more),
// ErrUnavailable, ErrUnreadable, ErrClosed, or that of ctx. The session is nil then.
func (m *Manager) Open(ctx context.Context, id string) (*Session, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	parsed, _, ok := m.keys.format().Parse(id)
	if !ok {
		return nil, ErrInvalidID
	}
	x := &Exchange{visit: visit{manager: m, opened: true}}
	x.client.id = parsed
	x.sent.Store(true)
	s := x.begin(ctx)
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.draft.base == nil {
		return nil, ErrGone
	}
	return s, nil
}
