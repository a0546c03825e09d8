package replica

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
)

// hintLimit is how many sessions are remembered for one node. Beyond, everything on the node counts as stale.
const hintLimit = 10_000

// hints are the sessions whose copies on a node are stale, or missing, because this instance had to do without the node
// (hinted handoff). When the node answers again, and has lost nothing, just these sessions are repaired. Until then the
// node's copies of them are not believed, even if an id names the node. It is safe for concurrent use; the zero value
// is empty.
type hints struct {
	any atomic.Int64 // number of hints for all nodes

	mu   sync.Mutex
	of   map[*node.Node]*debt
	last uint64 // number of the newest hint
}

// debt is what a node is owed.
type debt struct {
	epoch uint32          // of the node, as last known; 0: it never was
	keys  map[string]hint // by session
}

// hint is the newest hint about one session.
type hint struct {
	number uint64      // unique, because another hint may come while this one is delivered
	at     time.Time   // when it was given
	lacks  quorum.Lack // the newest record, as far as is known; zero: perhaps an attempt only
}

// unlisted is how old a hint may be and still count when the node is back with another epoch, and so without its
// values. A refill gives such a node its sessions again, which makes older hints needless. But the refill may have
// listed the sessions before this instance stored one without the node: it probes a node that is down once a second, so
// it may be the last to know that the node is back.
const unlisted = 3 * time.Second

// add remembers that a node's copy of a session is stale, or may be. If there are too many hints, the node's epoch is
// replaced instead.
func (h *hints) add(n *node.Node, key string, lacks quorum.Lack) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.now(n)
	before, there := d.keys[key]
	if !there {
		if len(d.keys) >= hintLimit {
			h.forget(n)
			n.MarkStale()
			return
		}
		h.any.Add(1)
	}
	h.last++
	if lacks.Copies == nil || lacks.Rank.Before(before.lacks.Rank) {
		lacks = before.lacks
	}
	d.keys[key] = hint{h.last, time.Now(), lacks}
}

// now returns what the node is owed in its present epoch. The caller holds mu.
func (h *hints) now(n *node.Node) *debt {
	if h.of == nil {
		h.of = make(map[*node.Node]*debt)
	}
	d := h.of[n]
	if d == nil {
		d = &debt{n.Epoch(), make(map[string]hint)}
		h.of[n] = d
	}
	if epoch := n.Epoch(); epoch != d.epoch && epoch != 0 {
		if d.epoch != 0 {
			h.dropOld(d)
		}
		d.epoch = epoch
	}
	return d
}

// dropOld drops the hints that a refill makes needless; see unlisted (rule H7). The caller holds mu.
func (h *hints) dropOld(d *debt) {
	for key, x := range d.keys {
		if time.Since(x.at) > unlisted {
			delete(d.keys, key)
			h.any.Add(-1)
		}
	}
}

// forget drops all hints for a node. The caller holds mu.
func (h *hints) forget(n *node.Node) {
	if d := h.of[n]; d != nil {
		h.any.Add(-int64(len(d.keys)))
		delete(h.of, n)
	}
}

// has reports whether the node's copy of the session is known to be stale or missing.
func (h *hints) has(n *node.Node, key string) bool { return h.number(n, key) != 0 }

// number returns the number of the newest hint for a node about a session; 0: there is none.
func (h *hints) number(n *node.Node, key string) uint64 { return h.about(n, key).number }

// about returns the hint for a node about a session; zero: there is none.
func (h *hints) about(n *node.Node, key string) hint {
	if h.any.Load() == 0 {
		return hint{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.of[n]; d != nil {
		return d.keys[key]
	}
	return hint{}
}

// debt returns what a node is owed of a session.
func (h *hints) debt(n *node.Node, key string) quorum.Debt {
	x := h.about(n, key)
	return quorum.Debt{Owed: x.number != 0, Lacks: x.lacks}
}

// newest returns the number of the newest hint of all; 0: there is none.
func (h *hints) newest() uint64 {
	if h.any.Load() == 0 {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// settle removes the hint about a session for a node, up to the one of that number, because the node has what is stored,
// or needs nothing. A newer hint stays.
func (h *hints) settle(n *node.Node, key string, number uint64) {
	if number == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.of[n]
	if d == nil {
		return
	}
	if x, there := d.keys[key]; !there || x.number > number {
		return
	}
	delete(d.keys, key)
	h.any.Add(-1)
	if len(d.keys) == 0 {
		delete(h.of, n)
	}
}

// list returns the keys of what an available node is owed, in a fixed order.
func (h *hints) list(n *node.Node) (keys []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[n] == nil {
		return nil
	}
	for key := range h.now(n).keys {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
