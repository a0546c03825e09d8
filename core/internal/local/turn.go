package local

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/node"
)

// turn is the right to write a session. One caller at a time has it, and the others wait in order of arrival.
type turn struct {
	keyqueue.Queue[struct{}]
	cleanAfter bool // while it is taken: nothing is left to be stored, as far as is known
}

// beginSaving waits for the caller's turn to write the session, for that long. Until endSaving the session does not leave
// to make room: others might load it again and change it, and the caller would not know of that. The error is ErrBusy of
// keyqueue, or the cause of ctx's end.
func (s *Session) beginSaving(ctx context.Context, wait time.Duration) error {
	limit := keyqueue.Writes(wait)
	w, err := s.joinWriters(node.FailuresOf(ctx), limit)
	if w == nil {
		return err
	}
	if _, err := w.Wait(ctx, limit); err != nil {
		s.leaveWriters(w)
		return err
	}
	return nil
}

// beginWriteBehind is beginSaving for a worker, of which each session has one at a time: it waits as long as it takes.
func (s *Session) beginWriteBehind(ctx context.Context) {
	if w, _ := s.joinWriters(node.FailuresOf(ctx), keyqueue.Limit{}); w != nil { // without an error: there is no limit
		_, _ = w.Wait(context.WithoutCancel(ctx), keyqueue.Limit{})
	}
}

func (s *Session) joinWriters(met *node.Failures, limit keyqueue.Limit) (*keyqueue.Waiter[struct{}], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.turn.Join(met, limit)
	if w == nil && err == nil {
		s.turn.cleanAfter = s.state.change(clean, dirty)
	}
	return w, err
}

// leaveWriters stops waiting. A turn that arrives at this moment goes to the next waiter.
func (s *Session) leaveWriters(w *keyqueue.Waiter[struct{}]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, called := s.turn.Leave(w); called {
		s.passTurn()
	}
}

// endSaving passes the turn on.
func (s *Session) endSaving() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passTurn()
}

// passTurn is endSaving for a caller that holds mu.
func (s *Session) passTurn() {
	s.turn.cleanAfter = s.turn.cleanAfter && len(s.pending.batches) == 0
	if !s.turn.Pass(nil) && s.turn.cleanAfter {
		s.state.change(dirty, clean)
	}
}
