package local

import (
	"context"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// waiter is a caller of beginSaving that waits for its turn.
type waiter struct {
	called chan struct{}
	met    *replica.Failures
	since  time.Time
}

// beginSaving waits for the caller's turn to write the session. Until endSaving the session does not leave to make
// room: others might load it again and change it, and the caller would not know of that.
//
// If the caller before times out on a node meanwhile, this one does not ask that node again: it has waited for it as well.
func (s *Session) beginSaving(ctx context.Context) {
	met := replica.FailuresOf(ctx)
	s.mu.Lock()
	if !s.saving {
		s.saving, s.met, s.rests = true, met, s.state.CompareAndSwap(clean, dirty)
		s.mu.Unlock()
		return
	}
	w := waiter{make(chan struct{}), met, time.Now()}
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	<-w.called
}

// endSaving hands the turn to the caller that has waited longest, so that no newcomer overtakes it.
func (s *Session) endSaving() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rests = s.rests && len(s.pending.batches) == 0
	if len(s.waiting) > 0 {
		next := s.waiting[0]
		s.met, s.waiting = next.met.After(s.met, next.since), slices.Delete(s.waiting, 0, 1)
		close(next.called)
		return
	}
	s.met = nil
	if s.saving = false; s.rests {
		s.state.CompareAndSwap(dirty, clean)
	}
}
