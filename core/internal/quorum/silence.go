package quorum

import (
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// What nodes that do not answer may hide: how many may be silent before a copy, or an absence, is not believed any more,
// and when it is this instance that stood still.

const (
	// lostAfter is how long a session without backups is waited for while its node does not answer. After that it counts
	// as lost, so that its visitor gets a new one.
	lostAfter = time.Minute
	// StallTime is how long several nodes have to be down at once before this instance believes it: four probes. Until
	// then it may itself have stood still.
	StallTime = time.Second
)

// silent returns how many listed nodes have not answered; Seen has only listed nodes. A node that the client's id names,
// but that is not listed, does not count: what it had is on another node as well, or its operator has given it up.
func (v *View) silent() int { return len(v.Nodes) - len(v.Seen) }

// timedOut returns how many silent nodes have run out of time, in this request or a moment ago.
func (v *View) timedOut() (count int) {
	for _, n := range v.Nodes {
		if n.Late && !v.answered(n.ID) {
			count++
		}
	}
	return count
}

// mayReturn reports whether the node has not answered, but was available a short while ago (rule C18). It may come back
// soon with something that no other node has, or have come back since the others were asked. And if an instance holds
// the session in memory, it may be about to store it elsewhere.
func (v *View) mayReturn(n Node) bool { return !v.answered(n.ID) && n.Down < lostAfter }

// anyMayReturn reports whether mayReturn is true of a listed node.
func (v *View) anyMayReturn() bool { return slices.ContainsFunc(v.Nodes, v.mayReturn) }

// onlySilent reports whether none of the nodes with these copies has answered, and one of them may be back soon.
func (v *View) onlySilent(copies []record.Copy) bool {
	soon := false
	for _, c := range copies {
		if v.answered(c.Node) {
			return false
		}
		n, listed := v.node(c.Node)
		soon = soon || listed && v.mayReturn(n)
	}
	return soon
}

// hidden reports whether this instance knows of something newer than the best record, or of any record if that is nil,
// that may be on silent nodes only (rules C13 and C16). It has found a record in this access, on nodes that are all
// silent. Or it has stored one without a node that has answered, which the hint for that node tells; if nothing
// was found, even a hint about an attempt counts. Once the silent nodes have been away for lostAfter the record counts as
// lost.
func (v *View) hidden(best *record.Record) bool {
	if best == nil && v.onlySilent(v.Met) {
		return true
	}
	for _, c := range v.Seen {
		n, listed := v.node(c.Node)
		if listed && (v.hiddenBy(n.Debt, best) || v.hiddenBy(c.Debt, best)) {
			return true
		}
	}
	return false
}

// hiddenBy reports whether a node that has answered is, or was, owed something that may be on silent nodes only.
func (v *View) hiddenBy(d Debt, best *record.Record) bool {
	switch {
	case !d.Owed:
		return false
	case best == nil:
		return v.anyMayReturn()
	}
	return best.Rank().Before(d.Lacks.Rank) && v.onlySilent(d.Lacks.Copies)
}

// backupsOf returns how many nodes may be silent without hiding something newer than the record. The instance that
// wrote it may be configured with more backups than this one.
func (v *View) backupsOf(rec *record.Record) int { return max(v.Backups, len(rec.Copies)-1) }

// sure reports whether a copy is believed no matter which nodes are silent (rule C14). It must be the home's own and of
// the home's present epoch: a backup's copy may be a failed attempt, however fresh it looks. If the session has
// backups, the home must also be the node that was asked first, which the client's id names. Otherwise the session may
// have moved on.
func (v *View) sure(c CopyState) bool {
	return c.onHome() && v.inEpoch(c) && (c.Node == v.First || v.backupsOf(c.Rec) == 0)
}

// believed reports whether the best copy that was found counts although some nodes are silent.
//
// If one node is silent, it does: one node may fail. If more are silent, or one is and the session has no backups, there
// may well be a newer copy. Then no answer is better than a wrong one, unless the copy is of its node's present epoch
// (rule C13). If the silent nodes ran out of time only a moment ago, this instance itself may have stood still, and even
// the epoch does not prove enough: see sure.
func (v *View) believed(best CopyState) bool {
	most := min(1, v.backupsOf(best.Rec))
	return (v.silent() <= most || v.inEpoch(best)) && (v.timedOut() <= most || v.sure(best)) && !v.hidden(best.Rec)
}

// Stalled reports whether it was most likely this instance that did not run for a while (rule C22): more nodes are
// silent than there are backups, since less than StallTime; without backups, the session's node has run out of time and
// is still in use, and it was not found well by a probe and asked again. Another instance may have taken the session
// over meanwhile, or ended it, and no node that could tell has answered. A moment later the nodes will.
func (v *View) Stalled() bool {
	silent := 0
	for _, n := range v.Nodes {
		switch {
		case v.answered(n.ID):
		case v.Backups == 0 && n.ID == v.First && n.Available && !v.Retried && n.Late:
			silent++
		case v.Backups > 0 && n.Down < StallTime:
			silent++
		}
	}
	return silent > v.Backups
}

// Unprobed reports whether this instance seems to have stood still, which only probes can tell (rule C22): the request
// does without a node that ran out of time, and operations of any requests have run out of time on more nodes than may
// fail, with no probe since. Then each request may do without a different node, and a write that one of them counts as
// stored may be lost for another. Without backups it is false. It does not matter who has answered.
func (v *View) Unprobed() bool {
	suspects, without := 0, false
	for _, n := range v.Nodes {
		if n.Suspect {
			suspects++
		}
		without = without || !n.Usable && n.Late
	}
	return v.Backups > 0 && suspects > 1 && without
}
