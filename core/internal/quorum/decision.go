package quorum

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// Decision is the record that counts, and what a write needs to know of it.
type Decision struct {
	Rec        *record.Record
	Home       string // id of the node that is to be its home
	Seen       Copies // what each node had
	Term       uint64 // the term that a write has to use: that of Rec, or a higher one with Claim
	Top        uint64 // highest version seen on any node
	Heal       bool   // a copy may be missing or stale: write, even without a change
	Unsafe     bool   // the record may be on one node only
	Claim      bool   // the write is a claim: it changes the home, or has to begin a new term
	WriteFirst string // id of a node that a claim writes before all others; empty: none
}

// Verdict is what a look is good for.
type Verdict int

// The verdicts of a look.
const (
	Found    Verdict = iota // there is a record that counts
	Gone                    // there is no session
	AskAgain                // there is none if the node that was asked first says so a second time
	Doubtful                // the silent nodes may have something newer than what was found
	Away                    // the same, of a session without backups: a node that may have it may be back soon
	Damaged                 // all that was found is damaged
)

// Choose picks the newest of the records that a full look has found (rule C7). There is at least one. The decision counts
// if the verdict is Found.
func (v *View) Choose() (*Decision, Verdict) {
	best := v.best()
	d := &Decision{Rec: best.Rec, Home: best.Rec.Home, Seen: v.Seen, Term: best.Rec.Term}
	highest := uint64(0) // the highest term seen: Rec has a lower one if a claim came to nothing
	for _, rec := range v.Seen.Records() {
		d.Top, highest = max(d.Top, rec.Version), max(highest, rec.Term)
	}
	answered := v.answered(d.Home)
	if !answered {
		d.Home = best.Node
	}
	// After a claim that came to nothing the write needs a higher term still, or that claim would count as the newest
	// once nobody can tell that it came to nothing.
	if !answered || highest > d.Term {
		d.Term, d.Claim = highest+1, true
	}
	d.Unsafe = d.Claim || !v.whole(best.Rec)
	d.Heal = d.Unsafe
	if !v.believed(best) {
		return nil, v.notBelieved()
	}
	return d, Found
}

// whole reports whether every node that the record names has it, as it was written there. Then its write has reached the
// home, which is the last one, and nothing is left to be done (rule C8).
func (v *View) whole(rec *record.Record) bool {
	return !rec.Unsettled && !slices.ContainsFunc(rec.Copies, func(c record.Copy) bool {
		there, _ := v.Seen.Of(c.Node)
		return there.Rec == nil || !v.inEpoch(there) || there.Rec.Rank() != rec.Rank()
	})
}

// notBelieved returns the verdict on a look that found only copies that may be old. Without backups the session is lost,
// unless a silent node was there a short while ago: it may be back soon, with the session.
func (v *View) notBelieved() Verdict {
	switch {
	case v.Backups > 0:
		return Doubtful
	case v.anyMayReturn():
		return Away
	}
	return Gone
}

// Uneven reports whether a node that the record names has no copy, or a different one, because a write got to some of
// the nodes only. Its caller was told that the outcome is unknown. Repairing the copies decides it.
func (d *Decision) Uneven() bool {
	for _, c := range d.Seen {
		if _, named := d.Rec.Copy(c.Node); named && (c.Rec == nil || c.Rec.Rank() != d.Rec.Rank()) {
			return true
		}
	}
	return false
}

// BeforeAttempt returns the decision for what the home has, whose word is enough, if what was decided on is an attempt
// that has not got there; nil: it is not. Nobody was told that the attempt was stored, and nobody will be once the home
// has something else. So a write that goes on from here goes to the home first, like a claim.
func (d *Decision) BeforeAttempt() *Decision {
	own, _ := d.Seen.Of(d.Rec.Home)
	if d.Claim || own.Rec == nil || own.Rec.Term != d.Rec.Term || own.Rec.Version >= d.Rec.Version {
		return nil
	}
	before := *d
	before.Rec, before.Term, before.Claim = own.Rec, d.Term+1, true
	return &before
}

// Move makes the write a claim for another home, which is written after the one that the session leaves.
func (d *Decision) Move(home string) {
	if !d.Claim {
		d.Term, d.Claim = d.Term+1, true
	}
	d.Home, d.WriteFirst = home, d.Home
}
