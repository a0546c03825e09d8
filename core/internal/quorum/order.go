package quorum

import "github.com/gomsm/msm/core/internal/record"

// candidates leaves out failed attempts: records whose home answered with something that they do not descend from
// (rule C4). If nothing is left, all records count.
func (s Copies) candidates() Copies {
	var all, valid Copies
	for _, c := range s {
		if c.Rec == nil {
			continue
		}
		all = append(all, c)
		if s.descends(c.Rec) {
			valid = append(valid, c)
		}
	}
	if len(valid) == 0 {
		return all
	}
	return valid
}

// descends reports whether the record was made from what its home has, as far as that can be told (rule R5).
func (s Copies) descends(rec *record.Record) bool {
	home, answered := s.Of(rec.Home)
	return !answered || home.Rec == nil || rec.HasWrite(home.Rec.LastWrite()) || rec.Forgets(home.Rec)
}

// best returns the candidate that counts most. There is at least one.
func (v *View) best() (best CopyState) {
	for _, c := range v.Seen.candidates() {
		if best.Rec == nil || v.newer(c, best) {
			best = c
		}
	}
	return best
}

// newer reports whether the candidate c counts more than the candidate than. The higher term wins, unless it is that of
// a claim that came too late. Within a term a record that no other copy supersedes wins, then the higher version, then
// the copy on the record's home, and then the copy on the node that was asked first (rules C5 and C6).
func (v *View) newer(c, than CopyState) bool {
	if c.Rec.Term < than.Rec.Term {
		return v.tooLate(than, c)
	}
	if c.Rec.Term > than.Rec.Term {
		return !v.tooLate(c, than)
	}
	if x, y := v.superseded(c.Rec), v.superseded(than.Rec); x != y {
		return y
	}
	if c.Rec.Version != than.Rec.Version {
		return c.Rec.Version > than.Rec.Version
	}
	if x, y := c.onHome(), than.onHome(); x != y {
		return x
	}
	return c.Node == v.First
}

// superseded reports whether a node that the record names has kept its values since, and shows that the record did not
// get there (rule C6). Then the record is not on all its copies, and was not acknowledged. What shows this is another
// claim of its term, another write of its version, or something older. Something older counts only if the home has shown
// no record. If it has, this one descends from it (see candidates), and may be an attempt on its way that will still be
// finished.
func (v *View) superseded(rec *record.Record) bool {
	home, _ := v.Seen.Of(rec.Home)
	return v.witnessed(rec, func(shown *record.Record) bool {
		return conflicting(shown, rec) || home.Rec == nil && shown.Rank().Before(rec.Rank())
	})
}

// conflicting reports whether at most one of two records of one term was acknowledged: they have different homes, or are
// different writes of one version (rule R4).
func conflicting(x, y *record.Record) bool {
	return x.Term == y.Term && (x.Home != y.Home || x.Version == y.Version && x.LastWrite() != y.LastWrite())
}
