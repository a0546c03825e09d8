package quorum

import "github.com/gomsm/msm/core/internal/record"

// TakeHeld counts the record that the caller holds in memory as one more copy, and reports whether that has to be stored
// again, because the nodes have less (rule C11). A tombstone beats it, and so does what someone else has written since.
// Of equal rank it becomes the record that counts: the values are the same, but the caller knows better when the session
// was used last.
func (d *Decision) TakeHeld(held *record.Record) (restore bool) {
	switch rank := d.Rec.Rank(); {
	case d.Rec.Tombstone || rank.Beyond(held.Rank()):
		return false
	case rank == held.Rank():
		d.Rec = held
		return false
	}
	return true
}

// Restore returns the decision to make what the caller holds the session's record again, at that home, by a claim. So
// whatever turns up later on a node that is silent now has a lower rank. top is the highest version seen.
func Restore(held *record.Record, home string, seen Copies, top uint64) *Decision {
	return &Decision{
		Rec: held, Home: home, Seen: seen, Term: held.Term + 1, Top: max(top, held.Version),
		Heal: true, Unsafe: true, Claim: true,
	}
}

// Below reports whether the record's term is lower than that of what the caller has stored last, the floor; nil: nothing.
func Below(floor, rec *record.Record) bool { return floor != nil && rec.Term < floor.Term }

// Outdated reports whether what the caller has stored last was made from the record (rule C12). Then the record was left
// behind by an instance that had to do without its node. A tombstone is never outdated.
func Outdated(floor, rec *record.Record) bool {
	return Below(floor, rec) && !rec.Tombstone && floor.Follows(rec.Rank())
}

// Raise has the write begin a term above the floor.
func (d *Decision) Raise(floor *record.Record) { d.Term, d.Claim, d.Heal = floor.Term+1, true, true }
