package msm

import "context"

// Open finds a session by its id, as Session.ID tells it, outside of a request: for background jobs, messages of a WebSocket, and
// tools of an administrator. What Session's methods change is stored by Session.Commit; without it, nothing is. There is no
// client to be told anything, so Renew and Persist are ErrCommitted, and nothing begins a new session: once it is destroyed
// every change is ErrGone. It is as safe for concurrent use as a request's, and need not be closed.
//
// Opening a session, reading and Reload do not keep it alive, Commit does. In sticky mode the session stays with the instance
// that serves it: this one, in whose memory it is changed then, or another one, which learns of a change within half a second.
// Its lock is taken by nothing but Session.Lock, which needs an Unlock, or ctx to end.
//
// The error is ErrInvalidID for what is no id that this manager could have made, ErrGone if there is no such session (any
// more), ErrUnavailable, ErrUnreadable, ErrClosed, or that ctx has ended; the session is nil then.
func (m *Manager) Open(ctx context.Context, id string) (*Session, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	parsed, _, ok := m.format.Parse(id)
	if !ok {
		return nil, ErrInvalidID
	}
	x := &Exchange{manager: m, opened: true, clientID: parsed}
	x.scope = scope{ctx, x}
	x.sent.Store(true)
	s := &x.session
	s.exchange, s.manager, s.coder = x, m, m.coder
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, err
	}
	if s.base == nil {
		return nil, ErrGone
	}
	return s, nil
}

// unlockAtEnd releases the lock of an opened session when that ends for which it was opened. A request's is released by End.
func (x *Exchange) unlockAtEnd() {
	if x.opened {
		x.lockEnds = context.AfterFunc(x.context(), x.letGo)
	}
}

func (x *Exchange) stopEnd() {
	if x.lockEnds != nil {
		x.lockEnds()
		x.lockEnds = nil
	}
}
