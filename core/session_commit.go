package msm

import "context"

// Commit stores the changes so far, and that the session was used, even if nothing was changed. It is for sessions of
// Manager.Open and for requests that take long, such as streams. Other requests need not call it: their changes are
// stored before the response's first byte, and later ones when the handler has returned. Whatever needs a cookie waits
// for the first byte: before it, Commit returns nil and stores nothing if the session is new, or after Renew or
// Destroy.
//
// Commit returns the first error of the session's methods, as Err does: that one stays. Otherwise it returns the error
// of the write, such as ErrUnavailable or ErrConflict. Then the changes are kept and Commit may be called again; but
// before the first byte such an error fails the request. ErrGone means that the session has ended, ErrCommitted that
// the request is over, ErrClosed that the manager is closed. If ctx has ended already, its error is returned. A write
// that has begun is not stopped when ctx ends.
func (s *Session) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.enter()
	defer s.mu.Unlock()
	v := s.visit
	switch {
	case s.manager.closed.Load():
		return ErrClosed
	case v.done:
		return errOver
	case s.err != nil:
		return s.err
	case s.load() != nil:
		return s.loadErr
	case v.opened && s.draft.base == nil && s.ends.ended == nil:
		return ErrGone
	case !v.sent.Load() && (s.draft.base == nil || s.ends.ended != nil):
		return nil
	}
	err := s.commitNow(ctx)
	switch {
	case err == nil:
		s.keepAlive()
	case !v.sent.Load():
		s.keep(err)
	}
	return err
}
