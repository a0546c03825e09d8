package replica

import (
	"fmt"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// Where the copies of a session go.
//
// Nodes may take items of different sizes (memcached -I). A node that does not take items of a session's size gets no
// copy of it. Loads still ask it, because the session may have grown since it was there. If too few nodes take a
// changed session, the change is refused.
//
// A session leaves a node although it answers in two cases: the node does not take items of the session's size, or it
// is a failover node and there are enough regular nodes again. Each instance may have failover nodes of its own, such
// as the one on its own host, so that a session is never on the host that serves it. So only an instance that serves a
// session makes it leave a failover node.

// place decides where a write puts the copies (rule W4). It keeps the backups that the record names, even if a better
// ranked node has come back. Only a backup that does not answer, or that the session leaves, is replaced.
func (a *Access) place(d *quorum.Decision, home *node.Node, next *record.Record) placement {
	want := a.wantBackups(next)
	p := placement{home: home, backups: a.op.room[:0], claim: d.Claim}
	for _, c := range d.Rec.Copies {
		if c.Node == home.ID() {
			continue
		}
		n, known := a.store.Cluster.Node(c.Node)
		switch {
		case known && !a.usable(n):
			p.away = append(p.away, n)
		case known && !a.leaves(n, 1+want):
			p.backups = append(p.backups, n)
			continue
		case known && c.Node == d.Rec.Home && n.Takes(a.store.Size(next)): // see putFirst
			p.backups = append(p.backups, n)
			continue
		case known:
			p.left = append(p.left, n)
		default:
			p.strange = append(p.strange, c)
		}
		p.claim = true
	}
	if len(p.backups) >= want {
		return p
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if len(p.backups) < want && n != home && a.placeable(n) && !slices.Contains(p.backups, n) {
			p.backups = append(p.backups, n)
			p.claim = true
		}
	}
	return p
}

// wantBackups returns how many backups a record should have. A session without backups leaves an old copy behind each
// time it moves. Its tombstone goes over all nodes, so that no old copy is believed when the node of the tombstone is
// gone (rule W19).
func (a *Access) wantBackups(next *record.Record) int {
	if next.Tombstone && a.store.Backups == 0 {
		return min(len(a.store.Cluster.Members()), record.MaxCopies) - 1
	}
	return a.store.backups()
}

// leaves reports whether the session is to have its copies elsewhere than on the node (rules W14 and W15). copies is
// how many of them regular nodes have to take before a failover node is left.
func (a *Access) leaves(n *node.Node, copies int) bool {
	return !n.Takes(a.op.size) || a.serves && a.store.Cluster.Failover(n.ID()) && a.store.regular(a.op.size) >= copies
}

// placeable reports whether a copy of what this access writes may go to the node.
func (a *Access) placeable(n *node.Node) bool { return a.usable(n) && n.Takes(a.op.size) }

// fits returns ErrTooLarge if a session has become too large for as many nodes as are to have it. A node that does not
// answer may take it: being away is no reason to refuse a change.
func (a *Access) fits() error {
	left := 0
	for _, m := range a.store.Cluster.Members() {
		if m.Node.Takes(a.op.size) {
			left++
		}
	}
	if all := len(a.store.Cluster.Members()); left <= a.store.backups() {
		return fmt.Errorf("%w: %d bytes; %d of %d nodes take items of that size (memcached -I)", ErrTooLarge, a.op.size, left, all)
	}
	return nil
}

// newHome returns the node to which the session is to move, if it leaves the home that it has; nil: it stays.
func (a *Access) newHome(id string) *node.Node {
	home, usable := a.usableNode(id)
	if !usable || !a.leaves(home, 1) {
		return nil
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if n != home && a.placeable(n) {
			return n
		}
	}
	return nil
}

// outgrows reports whether the home has the session, and does not take what a change has made of it. Then the session
// moves first, unchanged.
func (a *Access) outgrows(d *quorum.Decision, next *record.Record) bool {
	home, known := a.store.Cluster.Node(d.Home)
	if !known || home.Takes(a.store.Size(next)) || !home.Takes(a.store.Size(d.Rec)) {
		return false
	}
	c, _ := d.Seen.Of(d.Home)
	return c.Rec != nil
}
