package replica

import (
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// placement is where a write puts the copies.
type placement struct {
	home    *node.Node
	backups []*node.Node
	claim   bool // the copies are to lie elsewhere than they do, or the write begins a new term
	first   int  // how many backups, none or one, are written before all others; see putFirst

	away    []*node.Node  // backups that cannot be used, so that the write does without them
	left    []*node.Node  // backups that are to lose their copies, because the session leaves them
	strange []record.Copy // copies on nodes that are not in the list
}

// putFirst makes the node of that id, if it is among the backups, the one that is written before all others (rule W3).
// It is the home that the session leaves although it answers. A writer that has not heard of this claim writes there at
// the same time. So the two meet on that node, and the one that comes too late fails there.
func (p *placement) putFirst(id string) {
	for i, n := range p.backups {
		if n.ID() == id {
			p.backups[0], p.backups[i] = n, p.backups[0]
			p.first = 1
		}
	}
}

// putLast has a claim written last on the backups that have an attempt which the claim misses (rule W2). The attempt was
// passed over because another of its nodes does not have it. It may still get there; then the claim meets it there before
// anything is written over it.
func (p *placement) putLast(claim *record.Record, seen quorum.Copies) {
	if !p.claim || len(p.backups)-p.first < 2 {
		return
	}
	misses := func(n *node.Node) int {
		if c, _ := seen.Of(n.ID()); c.Rec != nil && claim.Misses(c.Rec.Rank()) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(p.backups[p.first:], func(x, y *node.Node) int { return misses(x) - misses(y) })
}

// nodes returns the nodes in the order in which they are written.
func (p *placement) nodes() []*node.Node {
	at := len(p.backups)
	if p.claim {
		at = p.first
	}
	return slices.Insert(slices.Clone(p.backups), at, p.home)
}

// copies returns what a record says of the placement: each node with its present epoch.
func (p *placement) copies() []record.Copy {
	copies := make([]record.Copy, 0, 1+len(p.backups))
	copies = append(copies, record.Copy{Node: p.home.ID(), Epoch: p.home.Epoch()})
	for _, b := range p.backups {
		copies = append(copies, record.Copy{Node: b.ID(), Epoch: b.Epoch()})
	}
	return copies
}
