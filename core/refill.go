package msm

import (
	"context"
	"errors"
	"hash/crc32"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
)

const (
	refillPoll = 250 * time.Millisecond // how often epochs are compared; nodes are probed as often
	// refillDelay is how long a node must have had its epoch before it is refilled. By then every instance that can
	// reach the node knows the epoch, so what is written and read meanwhile needs no refill. It is no multiple of
	// refillPoll, so that a try does not begin at the moment of a look.
	refillDelay = 2*refillPoll + 10*time.Millisecond
	refillMax   = 30 * time.Second // longest pause between tries
)

// filler does the work of a refill: it restores the copies that sessions should have on the node, at the refill's pace,
// and tells the refill how far it is. It stops when ctx ends, which happens when the node fails or its occasion
// changes. A nil error means that the node is filled; after another error filler is called again later.
type filler func(ctx context.Context, r *refill) error

// errStopped says that a node has failed, has another epoch or is not in the list any more.
var errStopped = errors.New("the node has failed, was restarted, or has left the list")

// refills watches the nodes, and rebuilds each whose epoch is new, without waiting for requests: it has lost its
// copies, or holds stale ones. When nodes leave the list, their sessions lack a copy too; any refill restores these, so
// the first node gets one. It is safe for concurrent use.
type refills struct {
	cluster *cluster.Cluster
	rate    int // records a second, for each node
	fill    filler
	log     *journal.Journal
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu sync.Mutex
	of map[*node.Node]*refill // the last refill of each node in the list
}

func newRefills(c *cluster.Cluster, rate int, fill filler, log *journal.Journal) *refills {
	w := &refills{cluster: c, rate: rate, fill: fill, log: log, of: make(map[*node.Node]*refill)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// begin starts watching the nodes.
func (w *refills) begin() {
	w.done.Go(func() {
		for w.look(); pace.Sleep(w.ctx, refillPoll) == nil; {
			w.look()
		}
	})
}

// close stops the watching and the refills under way. Another instance, if there is one, goes on with them.
func (w *refills) close() {
	w.cancel()
	w.done.Wait()
}

// look stops the refills that have lost their point, and begins those that are due.
func (w *refills) look() {
	members := w.cluster.Members()
	w.mu.Lock()
	defer w.mu.Unlock()
	for n, r := range w.of {
		listed := slices.ContainsFunc(members, func(m cluster.Member) bool { return m.Node == n })
		if !listed || !r.stands() || r.occasion != occasion(n, members) {
			r.stop(errStopped)
			r.stopped = true
		}
		if !listed {
			delete(w.of, n)
		}
	}
	for _, m := range members {
		if last := w.of[m.Node]; len(members) > 1 && m.Node.Available() && (last == nil || last.stopped || anyBack(w.cluster, last.lacks())) {
			w.start(newRefill(m.Node, occasion(m.Node, members), w.rate, last))
		}
	}
}

// start runs a refill in a goroutine of its own. The caller holds mu.
func (w *refills) start(r *refill) {
	w.of[r.node] = r
	ctx, stop := context.WithCancelCause(w.ctx)
	r.stop = stop
	w.done.Go(func() {
		defer stop(nil)
		w.run(ctx, r)
	})
}

// run tries until the node is filled, with growing pauses (rule H15).
func (w *refills) run(ctx context.Context, r *refill) {
	for pace.Sleep(ctx, r.nextPause()) == nil {
		err := w.fill(ctx, r)
		if err == nil || ctx.Err() != nil { // look begins another refill if one is due
			return
		}
		r.failed()
		w.log.State(ctx, slog.LevelWarn, "refill of "+r.node.ID(), "the refill of a node was interrupted, and goes on later",
			"node", r.node.ID(), "error", err)
	}
}

// stats returns how far the last refill of a node is; nil if there was none.
func (w *refills) stats(n *node.Node) *RefillStats {
	w.mu.Lock()
	r := w.of[n]
	w.mu.Unlock()
	if r == nil {
		return nil
	}
	s := r.stats()
	return &s
}

// occasion returns a number for what a refill is for: the node's epoch and, for the first node by id, also which nodes
// are in the list (rule H12). Another number means that another refill is due.
func occasion(n *node.Node, members []cluster.Member) uint32 {
	var ids []string
	for _, m := range members {
		ids = append(ids, m.Node.ID())
	}
	slices.Sort(ids)
	if n.ID() != ids[0] {
		return n.Epoch()
	}
	return n.Epoch() ^ crc32.ChecksumIEEE([]byte(strings.Join(ids, ",")))
}

// refill is the refill of one node on one occasion.
type refill struct {
	node     *node.Node
	epoch    uint32
	occasion uint32
	pace     *pace.Pace
	stop     context.CancelCauseFunc
	stopped  bool // guarded by refills.mu

	mu      sync.Mutex
	pause   time.Duration // before the next try
	without []string      // ids of nodes that it ended without
	stat    RefillStats
}

// newRefill returns a refill for the node's present epoch. If the last one was broken off, maybe because it was too
// much for the node, this one waits longer.
func newRefill(n *node.Node, occasion uint32, rate int, last *refill) *refill {
	r := &refill{node: n, epoch: n.Epoch(), occasion: occasion, pace: pace.New(rate), pause: refillDelay}
	r.stat.State = RefillWaiting
	if last != nil {
		r.pause = last.nextPause()
	}
	return r
}

// stands reports whether the node is available and still has the epoch that the refill is for.
func (r *refill) stands() bool { return r.node.Available() && r.node.Epoch() == r.epoch }

// nextPause returns how long to wait before the next try, in this epoch or the next one.
func (r *refill) nextPause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.stat.State {
	case RefillRunning:
		return min(2*r.pause, refillMax)
	case RefillWaiting:
		return r.pause
	}
	return refillDelay
}

// failed records the end of a try that failed.
func (r *refill) failed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause, r.stat.State = min(2*r.pause, refillMax), RefillWaiting
}

// running records that the work begins, and how many sessions there are to look at.
func (r *refill) running(total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stat = RefillStats{State: RefillRunning, Total: total}
}

// progress counts sessions that were looked at, that were repaired, and that could not be repaired.
func (r *refill) progress(done, healed, failed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stat.Done += done
	r.stat.Healed += healed
	r.stat.Failed += failed
}

// ended records how the refill ended.
func (r *refill) ended(at checkpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stat.State, r.stat.Ended, r.without = at.ended, time.Now(), at.without
}

// lacks returns the nodes that the refill ended without. Once one of them is back, another refill is due.
func (r *refill) lacks() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.without
}

func (r *refill) stats() RefillStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stat
}
