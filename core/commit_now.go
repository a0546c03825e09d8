package msm

import "context"

// Commit stores what was changed so far, and keeps the session alive, also if nothing was. It is for sessions of Manager.Open,
// and for requests that go on for long, such as streams: else the response's first byte and the handler's end commit.
// What needs a cookie waits for the first byte: a session that begins, Renew and Destroy.
//
// The error is the first one of the session's methods, as Err tells it, for good; or that of the write, such as ErrUnavailable
// or ErrConflict. Then nothing is lost: call it again, or give up. Before the first byte any error fails the request. ErrGone
// says that the session has ended. When the request is over it is ErrCommitted. What has begun is not given up when ctx ends.
func (s *Session) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.enter()
	defer s.mu.Unlock()
	x := s.exchange
	switch {
	case s.manager.closed.Load():
		return ErrClosed
	case x.done:
		return errOver
	case s.err != nil:
		return s.err
	case s.load() != nil:
		return s.why
	case x.opened && s.base == nil && s.ended == nil:
		return ErrGone
	case !x.sent.Load() && (s.base == nil || s.ended != nil):
		return nil
	}
	err := s.commitNow(ctx)
	switch {
	case err == nil:
		s.keepAlive()
	case !x.sent.Load():
		s.keep(err)
	}
	return err
}

// commitNow is commit, and has this instance know at once which session has ended by it.
func (s *Session) commitNow(ctx context.Context) error {
	ended := s.ended
	if err := s.commit(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if ended != nil {
		s.manager.hasEnded(ended)
	}
	return nil
}
