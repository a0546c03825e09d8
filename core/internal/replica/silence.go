package replica

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// What nodes that do not answer may hide: how many may be silent before a copy, or an absence, is not believed any more,
// and when it is this instance that stood still.

// silent returns how many listed nodes have not answered. A node that the client's id names, but that is not listed,
// does not count: what it had is on another node as well, or its operator has given it up.
func (a *Access) silent(seen sightings) int { return len(a.store.Cluster.Members()) - len(seen) }

// hidden reports whether this instance knows of something newer than the best record, or of any record if that is nil,
// that may be on silent nodes only (rules C13 and C16). It has found a record in this access, on nodes that are all
// silent. Or it has stored one without a node that has answered, which the hint for that node tells; if nothing
// was found, even a hint about an attempt counts. Once the silent nodes have been away for awayTime the record counts as
// lost.
func (a *Access) hidden(best *record.Record, seen sightings) bool {
	if best == nil && a.met != nil && a.onlySilent(a.met.Copies, seen) {
		return true
	}
	for _, s := range seen {
		n, listed := a.store.Cluster.Node(s.node)
		if !listed {
			continue
		}
		switch hint := a.store.hints.about(n, a.key); {
		case hint.number == 0:
		case best == nil && a.someAway(seen):
			return true
		case best != nil && best.Rank().Before(hint.lacks.rank) && a.onlySilent(hint.lacks.copies, seen):
			return true
		}
	}
	return false
}

// onlySilent reports whether none of the nodes has answered, and one of them may be back soon.
func (a *Access) onlySilent(copies []record.Copy, seen sightings) bool {
	return slices.ContainsFunc(copies, func(c record.Copy) bool { return a.mayReturn(c, seen) }) &&
		!slices.ContainsFunc(copies, func(c record.Copy) bool { _, answered := seen.of(c.Node); return answered })
}

// mayReturn reports whether isAway is true of the node of a copy.
func (a *Access) mayReturn(c record.Copy, seen sightings) bool {
	n, listed := a.store.Cluster.Node(c.Node)
	return listed && a.isAway(n, seen)
}

// backupsOf returns how many nodes may be silent without hiding something newer than the record. The instance that
// wrote it may be configured with more backups than this one.
func (a *Access) backupsOf(rec *record.Record) int { return max(a.store.Backups, len(rec.Copies)-1) }

// doubt returns the error of a look that found only copies that may be old. Without backups the session is lost, unless
// a silent node was there a short while ago: it may be back soon, with the session.
func (a *Access) doubt(seen sightings) error {
	if a.store.Backups > 0 {
		return a.unavailable(ErrUnavailable, "the others have only copies that may be old")
	}
	if a.someAway(seen) {
		return a.unavailable(errAway, "the others have only copies that may be old")
	}
	return ErrNoSession
}

// awayTime is how long a session without backups is waited for while its node does not answer. After that it counts as
// lost, so that its visitor gets a new one.
const awayTime = time.Minute

// isAway reports whether the node has not answered, but was available a short while ago (rule C18). It may come back
// soon with something that no other node has, or have come back since the others were asked. And if an instance holds
// the session in memory, it may be about to store it elsewhere.
func (a *Access) isAway(n *node.Node, seen sightings) bool {
	_, answered := seen.of(n.ID())
	return !answered && n.DownFor() < awayTime
}

// someAway reports whether isAway is true of a listed node.
func (a *Access) someAway(seen sightings) bool {
	return slices.ContainsFunc(a.store.Cluster.Members(), func(m cluster.Member) bool { return a.isAway(m.Node, seen) })
}

// errAway is the ErrUnavailable of a session without backups: a node that does not answer, but was available a short
// while ago, may have it.
var errAway = fmt.Errorf("%w, of which one may have the session", ErrUnavailable)

// late returns how many silent nodes have run out of time, in this request or a moment ago.
func (a *Access) late(seen sightings) (n int) {
	for _, m := range a.store.Cluster.Members() {
		if _, answered := seen.of(m.Node.ID()); !answered && a.ranOutOfTime(m.Node) {
			n++
		}
	}
	return n
}

// ranOutOfTime reports whether the node ran out of time in this request, or became unavailable by that less than
// stillTime ago.
func (a *Access) ranOutOfTime(n *node.Node) bool {
	for _, f := range a.failed {
		if f.node == n.ID() && !errors.Is(f.why, node.ErrDown) {
			return node.OutOfTime(f.why)
		}
	}
	trouble, down := n.Trouble()
	return a.before.has(n) || down && trouble.Down < stillTime && node.OutOfTime(trouble.Why)
}

// stillTime is how long several nodes have to be down at once before this instance believes it: four probes. Until then
// it may itself have stood still.
const stillTime = time.Second

// stoodStill reports whether it was most likely this instance that did not run for a while (rule C22): more nodes are
// silent than there are backups, since less than stillTime; without backups, the session's node has run out of time and
// is still in use, and it was not found well by a probe and asked again. Another instance may have taken the session
// over meanwhile, or ended it, and no node that could tell has answered. A moment later the nodes will.
func (a *Access) stoodStill(seen sightings) bool {
	silent := 0
	for _, m := range a.store.Cluster.Members() {
		_, answered := seen.of(m.Node.ID())
		switch {
		case answered:
		case a.store.Backups == 0 && m.Node.ID() == a.node && m.Node.Available() && !a.askedAgain && a.ranOutOfTime(m.Node):
			silent++
		case a.store.Backups > 0 && m.Node.DownFor() < stillTime:
			silent++
		}
	}
	return silent > a.store.Backups
}

// stalled reports whether this instance itself seems to have stood still (rule C22): the request does without a node
// that ran out of time, and operations of any requests have run out of time on more nodes than may fail, with no probe
// since. Then each request may do without a different node, and a write that one of them counts as stored may be lost
// for another. Without backups it is false.
func (a *Access) stalled() bool {
	if a.store.Backups == 0 || a.store.suspects() < 2 {
		return false
	}
	return slices.ContainsFunc(a.store.Cluster.Members(), func(m cluster.Member) bool { return !a.usable(m.Node) && a.ranOutOfTime(m.Node) })
}

// Suspects reports whether an operation has run out of time on a node, and no probe has told since what is wrong.
func (s *Store) Suspects() bool { return s.suspects() > 0 }

// suspects returns on how many nodes an operation has run out of time, with no probe since.
func (s *Store) suspects() (n int) {
	for _, m := range s.Cluster.Members() {
		if m.Node.Suspect() {
			n++
		}
	}
	return n
}
