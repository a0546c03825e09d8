package local

import (
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// turn is the right to write a session. One caller at a time has it, and the others wait in order of arrival.
type turn struct {
	taken      bool
	met        *node.Failures // those of the caller that has it
	waiting    []waiter       // FIFO queue
	cleanAfter bool           // while it is taken: nothing is left to be stored, as far as is known
}

// waiter is a caller that waits for its turn.
type waiter struct {
	called chan struct{}
	met    *node.Failures
	since  time.Time
}

// take takes the turn for a caller with these failures. If another caller has it, take returns what is closed once it
// is the new caller's.
func (t *turn) take(met *node.Failures) (called <-chan struct{}) {
	if !t.taken {
		t.taken, t.met = true, met
		return nil
	}
	w := waiter{make(chan struct{}), met, time.Now()}
	t.waiting = append(t.waiting, w)
	return w.called
}

// pass hands the turn to the caller that has waited longest, so that no newcomer overtakes it. If nobody waits, the
// turn is free, and pass returns false.
//
// If the caller before has timed out on a node meanwhile, the next one does not ask that node again: it has waited for
// it as well.
func (t *turn) pass() bool {
	if len(t.waiting) == 0 {
		t.taken, t.met = false, nil
		return false
	}
	next := t.waiting[0]
	t.met, t.waiting = next.met.After(t.met, next.since), slices.Delete(t.waiting, 0, 1)
	close(next.called)
	return true
}
