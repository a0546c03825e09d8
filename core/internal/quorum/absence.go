package quorum

import "github.com/gomsm/msm/core/internal/record"

// Absence says what it means that no node has shown a record (rules C16, C17 and C18). A repair may have moved the
// record to the home after the home was asked, and away from the others before they were. So the home is asked again. One
// silent node hides no session, because each session has a copy on another node. Two silent nodes may.
func (v *View) Absence() Verdict {
	if v.Seen.anyUnreadable() {
		return Damaged
	}
	if v.silent() > max(1, v.Backups) || v.hidden(nil) {
		return Doubtful
	}
	switch first, listed := v.node(v.First); {
	case !listed:
		return Gone
	case v.Backups == 0 && v.mayReturn(first):
		return Away
	case !v.answered(first.ID):
		return Gone
	}
	return AskAgain
}

// AbsenceWithoutHome says the same after the home has failed when it was asked again, and the others were asked again as
// well: if the home has the session by now, one of them has it too. The verdict is Found if one has.
func (v *View) AbsenceWithoutHome() Verdict {
	found := v.Seen.AnyRecord()
	switch {
	case v.Seen.anyUnreadable() || v.silent() > v.Backups || !found && v.hidden(nil):
		return Doubtful
	case !found:
		return Gone
	}
	return Found
}

// damagedTerm is higher than the term of any copy that a session can have.
const damagedTerm = 1 << 62

// Overwrite returns the decision to write over a session whose copies are all damaged, so that it can be destroyed (rule
// C19). rec stands in for its record. Nobody knows the rank that these copies had, nor the rank of a good copy on a node
// that is silent now. The tombstone ranks above all of them.
func Overwrite(rec *record.Record, seen Copies, first string) *Decision {
	if _, answered := seen.Of(first); !answered {
		first = seen[0].Node
	}
	return &Decision{Rec: rec, Home: first, Seen: seen, Term: damagedTerm, Heal: true, Claim: true}
}
