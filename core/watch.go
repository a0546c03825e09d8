package msm

import (
	"context"
	"fmt"
)

// Watch returns a context below ctx that ends when the session does: by Destroy, by Renew, which gives its visitor
// another one, or by its timeouts. It is for streams and WebSockets that must not outlive a logout. context.Cause is
// ErrGone then, or ErrClosed when the manager was closed. The end is noticed at once if this instance caused it, and
// within about five seconds if another one or a timeout did: each watched session is read that often, once for all its
// streams, which does not keep it alive. A node that does not answer ends nothing.
//
// Call stop when the stream is over, or have ctx end. If there is no stored session, the context has ended already; a
// session that begins is stored at the response's first byte. If the session could not be loaded, that is the cause.
func (s *Session) Watch(ctx context.Context) (watching context.Context, stop context.CancelFunc) {
	s.enter()
	defer s.mu.Unlock()
	watching, end := context.WithCancelCause(ctx)
	stop = func() { end(context.Canceled) }
	if err := s.load(); err != nil {
		end(err)
		return watching, stop
	}
	if s.draft.base == nil {
		end(fmt.Errorf("%w, or has not begun", ErrGone))
		return watching, stop
	}
	s.manager.watches.add(watching, s.currentID(), end)
	return watching, stop
}
