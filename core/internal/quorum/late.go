package quorum

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// tooLate reports whether a claim of a higher term came too late to be acknowledged, so that the candidate than counts
// instead (rule C5).
//
// While the claim began at its new home, others still wrote in the term that it has left, or in one that it took for
// nothing: than is such a write, and the claim misses it. Both name some of the same nodes. If such a node has a record
// that the claim misses, the claim did not get there, and never will, because no claim is written over what it misses.
// The same is true if the node shows nothing, but than is settled and lies on its own home: a plain write reaches the
// home last, so the node has it as well. So the claim was not acknowledged and never will be, while what was written
// meanwhile may have been. (If than was passed over, it was not.)
//
// That is so only of the term that the claim itself has left, and of those that it has passed over. An attempt of an
// earlier term may land at any time on a node that stood still, but the term after it has begun at its home without it.
func (v *View) tooLate(claim, than CopyState) bool {
	if claim.onHome() && !claim.Rec.Unsettled {
		return false // it was settled, which reaches the home last
	}
	if claim.Rec.Base().Term > than.Rec.Term || !claim.Rec.Misses(than.Rec.Rank()) || v.passedOver(than.Rec) {
		return false
	}
	for _, c := range than.Rec.Copies {
		if epoch, named := claim.Rec.Copy(c.Node); !named || epoch != c.Epoch {
			continue
		}
		n, listed := v.node(c.Node)
		switch there, answered := v.Seen.Of(c.Node); {
		case !answered || there.Rec == nil:
			if than.onHome() && !than.Rec.Unsettled {
				return true
			}
		case listed && n.Epoch == c.Epoch && claim.Rec.Misses(there.Rec.Rank()):
			return true
		}
	}
	return false
}

// passedOver reports whether a node that the record names has kept its values since, and has a record that went on
// without this one. No claim is written over what it misses before all nodes were looked at, so this record was never
// on that node, and was not acknowledged.
func (v *View) passedOver(rec *record.Record) bool {
	return v.witnessed(rec, func(shown *record.Record) bool { return shown.Misses(rec.Rank()) })
}

// witnessed reports whether a node that the record names has kept its values since, and has a record for which like is
// true.
func (v *View) witnessed(rec *record.Record, like func(shown *record.Record) bool) bool {
	return slices.ContainsFunc(v.Seen, func(c CopyState) bool {
		n, listed := v.node(c.Node)
		return listed && c.Rec != nil && InEpoch(rec, n.ID, n.Epoch) && like(c.Rec)
	})
}
