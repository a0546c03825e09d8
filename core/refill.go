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
	// refillDelay is how long a node has had its epoch before it is refilled. By then every instance that can reach the
	// node knows the epoch, so what is written and read meanwhile needs no refill.
	// It is no multiple of the poll, so that a try begins beside a look rather than in its midst.
	refillDelay = 2*refillPoll + 10*time.Millisecond
	refillMax   = 30 * time.Second // longest time between tries
)

// filler does the work of a refill: it gives every session that it is there for its copies on the node again, at the
// refill's pace, and reports how far it is. It ends with ctx, which ends when the node fails or its occasion has changed. After
// any other error it is called again later; nil means that the node is filled.
type filler func(ctx context.Context, r *refill) error

// errStopped: the node failed, or got another epoch, or is no more in the list.
var errStopped = errors.New("the node has failed, or has another epoch")

// refills watches the nodes: one whose epoch is new has lost its copies or holds stale ones, and is to be filled again
// although no visitor comes. If nodes have left the list their sessions lack a copy, too: any refill mends that, so the
// first node gets one. It is safe for concurrent use.
type refills struct {
	cluster *cluster.Cluster
	rate    int // records a second, for each node
	fill    filler
	log     *journal.Journal
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu sync.Mutex
	of map[*node.Node]*refill // the last one of each node in the list
}

func newRefills(c *cluster.Cluster, rate int, fill filler, log *journal.Journal) *refills {
	w := &refills{cluster: c, rate: rate, fill: fill, log: log, of: make(map[*node.Node]*refill)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// begin starts watching.
func (w *refills) begin() {
	w.done.Go(func() {
		for w.look(); pace.Sleep(w.ctx, refillPoll) == nil; {
			w.look()
		}
	})
}

// close ends the watching and the refills under way; another instance, if there is one, goes on with them.
func (w *refills) close() {
	w.cancel()
	w.done.Wait()
}

// look stops the refills that have no more point, and begins those that are due.
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

func (w *refills) start(r *refill) {
	w.of[r.node] = r
	ctx, stop := context.WithCancelCause(w.ctx)
	r.stop = stop
	w.done.Go(func() {
		defer stop(nil)
		w.run(ctx, r)
	})
}

// run tries until the node is filled, ever more rarely.
func (w *refills) run(ctx context.Context, r *refill) {
	for pace.Sleep(ctx, r.nextPause()) == nil {
		err := w.fill(ctx, r)
		if err == nil || ctx.Err() != nil { // or another one begins instead
			return
		}
		r.failed()
		w.log.State(ctx, slog.LevelWarn, "refill of "+r.node.ID(), "the refill of a node has stopped, and goes on later",
			"node", r.node.ID(), "error", err)
	}
}

// stats answers how the refill of a node stands, nil if there was none.
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

// occasion is what a refill is for: a node's epoch, and with the first node also which others there are.
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

// refill is that of one node on one occasion.
type refill struct {
	node     *node.Node
	epoch    uint32
	occasion uint32
	pace     *pace.Pace
	stop     context.CancelCauseFunc
	stopped  bool // guarded by refills.mu

	mu      sync.Mutex
	pause   time.Duration // before the next try
	without []string
	stat    RefillStats
}

// newRefill is for the node's present epoch. If the last one was broken off, maybe because it was too much for the node,
// this one waits longer.
func newRefill(n *node.Node, occasion uint32, rate int, last *refill) *refill {
	r := &refill{node: n, epoch: n.Epoch(), occasion: occasion, pace: pace.New(rate), pause: refillDelay}
	r.stat.State = RefillWaiting
	if last != nil {
		r.pause = last.nextPause()
	}
	return r
}

// stands: the node is still what the refill is for.
func (r *refill) stands() bool { return r.node.Available() && r.node.Epoch() == r.epoch }

// nextPause is how long to wait before the next try, in this epoch or the next one.
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

// failed is the end of a try.
func (r *refill) failed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause, r.stat.State = min(2*r.pause, refillMax), RefillWaiting
}

// running tells that the work begins, and how many sessions are to be looked at.
func (r *refill) running(total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stat = RefillStats{State: RefillRunning, Total: total}
}

// progress counts sessions that were looked at, that were healed, and that could not be.
func (r *refill) progress(done, healed, failed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stat.Done += done
	r.stat.Healed += healed
	r.stat.Failed += failed
}

// ended tells how it ended.
func (r *refill) ended(at checkpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stat.State, r.stat.Ended, r.without = at.ended, time.Now(), at.without
}

// lacks are the nodes that it ended without: once one is back, another refill is due.
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
