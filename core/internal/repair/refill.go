package repair

import (
	"context"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
)

// Progress says how far the refill of a node is. The counts are those of this instance's own work.
type Progress struct {
	State  State
	Total  int       // sessions to look at
	Done   int       // sessions looked at
	Healed int       // of these, sessions that lacked a copy and were written
	Failed int       // of these, sessions that could not be
	Ended  time.Time // when it ended, or this instance saw that; zero: it has not
}

// State says how far a node's refill is.
type State string

// The states of a refill.
const (
	Waiting  State = "waiting"  // it will begin, or be tried again, or another instance works on it
	Running  State = "running"  // this instance works on it
	Done     State = "done"     // sessions whose keys any node in use lists have their copies
	Unlisted State = "unlisted" // as far as possible: a server lists no keys, the rest waits for requests
)

// refill is the refill of one node in one generation of it; see the function generation.
type refill struct {
	node       *node.Node
	epoch      uint32
	generation uint32
	pace       *pace.Pace
	stop       context.CancelCauseFunc
	stopped    bool // guarded by Refills.mu

	mu       sync.Mutex
	pause    time.Duration // before the next try
	without  []string      // ids of nodes that it ended without
	progress Progress
}

// newRefill returns a refill for the node's present epoch. If the last one was broken off, maybe because it was too
// much for the node, this one waits longer.
func newRefill(n *node.Node, generation uint32, rate int, last *refill) *refill {
	r := &refill{node: n, epoch: n.Epoch(), generation: generation, pace: pace.New(rate), pause: refillDelay}
	r.progress.State = Waiting
	if last != nil {
		r.pause = last.nextPause()
	}
	return r
}

// isCurrent reports whether the node is available and still has the epoch that the refill is for.
func (r *refill) isCurrent() bool { return r.node.Available() && r.node.Epoch() == r.epoch }

// nextPause returns how long to wait before the next try, in this epoch or the next one.
func (r *refill) nextPause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.progress.State {
	case Running:
		return min(2*r.pause, refillMax)
	case Waiting:
		return r.pause
	}
	return refillDelay
}

// failed records the end of a try that failed.
func (r *refill) failed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause, r.progress.State = min(2*r.pause, refillMax), Waiting
}

// running records that the work begins, and how many sessions there are to look at.
func (r *refill) running(total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress = Progress{State: Running, Total: total}
}

// count counts sessions that were looked at, that were repaired, and that could not be repaired.
func (r *refill) count(done, healed, failed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.Done += done
	r.progress.Healed += healed
	r.progress.Failed += failed
}

// ended records how the refill ended.
func (r *refill) ended(at checkpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress.State, r.progress.Ended, r.without = at.ended, time.Now(), at.without
}

// lacks returns the nodes that the refill ended without. Once one of them is back, another refill is due.
func (r *refill) lacks() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.without
}

func (r *refill) now() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.progress
}
