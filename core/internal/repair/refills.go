// Package repair restores copies of sessions outside of requests: those that a request has found missing, and all of a
// node that has lost what it had.
//
//   - queue.go: jobs about single sessions, such as a repair or the record of a use
//   - refills.go, refill.go: which nodes have to be filled again, and how far that is
//   - scan.go, keyset.go, checkpoint.go: how one instance does it, and where another one goes on
package repair

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
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	refillPoll = 250 * time.Millisecond // how often epochs are compared; nodes are probed as often
	// refillDelay is how long a node must have had its epoch before it is refilled. By then every instance that can
	// reach the node knows the epoch, so what is written and read meanwhile needs no refill. It is no multiple of
	// refillPoll, so that a try does not begin at the moment of a look.
	refillDelay = 2*refillPoll + 10*time.Millisecond
	refillMax   = 30 * time.Second // longest pause between tries
)

// errStopped says that a node has failed, has another epoch or is not in the list any more.
var errStopped = errors.New("the node has failed, was restarted, or has left the list")

// Refills watches the nodes, and rebuilds each whose epoch is new, without waiting for requests: it has lost its
// copies, or holds stale ones. When nodes leave the list, their sessions lack a copy too; any refill restores these, so
// the first node gets one. It is safe for concurrent use.
type Refills struct {
	cluster *cluster.Cluster
	rate    int // records a second, for each node
	scan    *scan
	log     *journal.Journal
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu sync.Mutex
	of map[*node.Node]*refill // the last refill of each node in the list
}

// NewRefills returns Refills of the store's nodes, at that many records a second for each node.
func NewRefills(store *replica.Store, rate int, log *journal.Journal) *Refills {
	w := &Refills{cluster: store.Cluster, rate: rate, scan: newScan(store, log), log: log, of: make(map[*node.Node]*refill)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// Begin starts watching the nodes.
func (w *Refills) Begin() {
	w.done.Go(func() {
		for w.look(); pace.Sleep(w.ctx, refillPoll) == nil; {
			w.look()
		}
	})
}

// Close stops the watching and the refills under way. Another instance, if there is one, goes on with them.
func (w *Refills) Close() {
	w.cancel()
	w.done.Wait()
}

// look stops the refills that have lost their point, and begins those that are due.
func (w *Refills) look() {
	members := w.cluster.Members()
	w.mu.Lock()
	defer w.mu.Unlock()
	for n, r := range w.of {
		listed := slices.ContainsFunc(members, func(m cluster.Member) bool { return m.Node == n })
		if !listed || !r.isCurrent() || r.generation != generation(n, members) {
			r.stop(errStopped)
			r.stopped = true
		}
		if !listed {
			delete(w.of, n)
		}
	}
	for _, m := range members {
		if last := w.of[m.Node]; len(members) > 1 && m.Node.Available() && (last == nil || last.stopped || anyBack(w.cluster, last.lacks())) {
			w.start(newRefill(m.Node, generation(m.Node, members), w.rate, last))
		}
	}
}

// start runs a refill in a goroutine of its own. The caller holds mu.
func (w *Refills) start(r *refill) {
	w.of[r.node] = r
	ctx, stop := context.WithCancelCause(w.scan.store.Random.As(w.ctx, "refill of", r.node.ID()))
	r.stop = stop
	w.done.Go(func() {
		defer stop(nil)
		w.run(ctx, r)
	})
}

// run tries until the node is filled, with growing pauses (rule H15).
func (w *Refills) run(ctx context.Context, r *refill) {
	for pace.Sleep(ctx, r.nextPause()) == nil {
		err := w.scan.fill(ctx, r)
		if err == nil || ctx.Err() != nil { // look begins another refill if one is due
			return
		}
		r.failed()
		w.log.State(ctx, slog.LevelWarn, "refill of "+r.node.ID(), "the refill of a node was interrupted, and goes on later",
			"node", r.node.ID(), "error", err)
	}
}

// Progress returns how far the last refill of a node is. It is false if there was none.
func (w *Refills) Progress(n *node.Node) (Progress, bool) {
	w.mu.Lock()
	r := w.of[n]
	w.mu.Unlock()
	if r == nil {
		return Progress{}, false
	}
	return r.now(), true
}

// generation returns a number for what a refill is for: the node's epoch and, for the first node by id, also which nodes
// are in the list (rule H12). Another number means that another refill is due.
func generation(n *node.Node, members []cluster.Member) uint32 {
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
