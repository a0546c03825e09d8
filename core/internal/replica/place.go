package replica

import (
	"fmt"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// Nodes may take items of different sizes (memcached -I). A node that does not take items of a session's size gets no
// copy of it. Loads still ask it, because the session may have grown since it was there. If too few nodes take a
// changed session, the change is refused.

// A session leaves a node although it answers in two cases: the node does not take items of the session's size, or it
// is a failover node and there are enough regular nodes again. Each instance may have failover nodes of its own, such
// as the one on its own host, so that a session is never on the host that serves it. So only an instance that serves a
// session makes it leave a failover node.

// layout is where a write puts the copies.
type layout struct {
	home    *node.Node
	backups []*node.Node
	claim   bool // the copies are to lie elsewhere than they do, or the write begins a new term
	first   int  // how many backups, none or one, are written before all others; see putFirst
}

// putFirst makes the node of that id, if it is among the backups, the one that is written before all others (rule W3).
// It is the home that the session leaves although it answers. A writer that has not heard of this claim writes there at
// the same time. So the two meet on that node, and the one that comes too late fails there.
func (l *layout) putFirst(id string) {
	for i, n := range l.backups {
		if n.ID() == id {
			l.backups[0], l.backups[i] = n, l.backups[0]
			l.first = 1
		}
	}
}

// putLast has a claim written last on the backups that have an attempt which the claim misses (rule W2). The attempt was
// passed over because another of its nodes does not have it. It may still get there; then the claim meets it there before
// anything is written over it.
func (l layout) putLast(claim *record.Record, seen quorum.Copies) {
	if !l.claim || len(l.backups)-l.first < 2 {
		return
	}
	misses := func(n *node.Node) int {
		if s, _ := seen.Of(n.ID()); s.Rec != nil && claim.Misses(s.Rec.Rank()) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(l.backups[l.first:], func(x, y *node.Node) int { return misses(x) - misses(y) })
}

// copies returns what a record says of the layout: each node with its present epoch.
func (l layout) copies() []record.Copy {
	copies := make([]record.Copy, 0, 1+len(l.backups))
	copies = append(copies, record.Copy{Node: l.home.ID(), Epoch: l.home.Epoch()})
	for _, b := range l.backups {
		copies = append(copies, record.Copy{Node: b.ID(), Epoch: b.Epoch()})
	}
	return copies
}

// layout decides where a write puts the copies (rule W4). It keeps the backups that the record names, even if a better
// ranked node has come back. Only a backup that does not answer, or that the session leaves, is
// replaced.
func (a *Access) layout(f *quorum.Decision, home *node.Node, next *record.Record) layout {
	want := a.wanted(next)
	lay := layout{home: home, backups: a.places[:0], claim: f.Claim}
	a.left = nil
	for _, c := range f.Rec.Copies {
		if c.Node == home.ID() {
			continue
		}
		n, known := a.store.Cluster.Node(c.Node)
		switch {
		case known && !a.usable(n):
			a.without(n)
		case known && !a.leaves(n, 1+want):
			lay.backups = append(lay.backups, n)
			continue
		case known && c.Node == f.Rec.Home && n.Takes(next.Size()): // see putFirst
			lay.backups = append(lay.backups, n)
			continue
		case known:
			a.left = append(a.left, n)
		default:
			a.store.moved.add(a.key)
			a.store.strangers.add(c)
		}
		lay.claim = true
	}
	if len(lay.backups) >= want {
		return lay
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if len(lay.backups) < want && n != home && a.placeable(n) && !slices.Contains(lay.backups, n) {
			lay.backups = append(lay.backups, n)
			lay.claim = true
		}
	}
	return lay
}

// wanted returns how many backups a record should have. A session without backups leaves an old copy behind each time
// it moves. Its tombstone goes over all nodes, so that no old copy is believed when the node of the tombstone is gone
// (rule W19).
func (a *Access) wanted(next *record.Record) int {
	if next.Tombstone && a.store.Backups == 0 {
		return min(len(a.store.Cluster.Members()), record.MaxCopies) - 1
	}
	return a.store.backups()
}

// leaves reports whether the session is to have its copies elsewhere than on the node (rules W14 and W15). copies is
// how many of them regular nodes have to take before a failover node is left.
func (a *Access) leaves(n *node.Node, copies int) bool {
	return !n.Takes(a.size) || a.serves && a.store.Cluster.Failover(n.ID()) && a.store.regular(a.size) >= copies
}

// placeable reports whether a copy of what this access writes may go to the node.
func (a *Access) placeable(n *node.Node) bool { return a.usable(n) && n.Takes(a.size) }

// fits returns ErrTooLarge if a session has become too large for as many nodes as are to have it. A node that does not
// answer may take it: being away is no reason to refuse a change.
func (a *Access) fits() error {
	left := 0
	for _, m := range a.store.Cluster.Members() {
		if m.Node.Takes(a.size) {
			left++
		}
	}
	if all := len(a.store.Cluster.Members()); left <= a.store.backups() {
		return fmt.Errorf("%w: %d bytes; %d of %d nodes take items of that size (memcached -I)", ErrTooLarge, a.size, left, all)
	}
	return nil
}

// rehome makes the write a claim for another home, if the session leaves the one that it has.
func (a *Access) rehome(f *quorum.Decision, next *record.Record) {
	home, known := a.store.Cluster.Node(f.Home)
	if !known || !a.usable(home) || !a.leaves(home, 1) {
		return
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if n != home && a.placeable(n) {
			f.Move(n.ID())
			next.Home, next.Term = f.Home, f.Term
			return
		}
	}
}

// outgrows reports whether the home has the session, and does not take what a change has made of it. Then the session
// moves first, unchanged.
func (a *Access) outgrows(f *quorum.Decision, next *record.Record) bool {
	home, known := a.store.Cluster.Node(f.Home)
	if !known || home.Takes(next.Size()) || !home.Takes(f.Rec.Size()) {
		return false
	}
	s, _ := f.Seen.Of(f.Home)
	return s.Rec != nil
}
