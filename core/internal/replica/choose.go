package replica

import (
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// choose picks the newest of the records that a full look has found (rule C7). There is at least one.
//
// If one node is silent, the best copy on the others is believed: one node may fail. If more are silent, or one is and
// the session has no backups, there may well be a newer copy. Then no answer is better than a wrong one, unless the
// copy is of its node's present epoch (rule C13). If the silent nodes ran out of time only a moment ago, this instance
// itself may have stood still, and even the epoch does not prove enough: see sure.
func (a *Access) choose(seen sightings) (*found, error) {
	f := &found{seen: seen, heal: true, unsafe: true}
	best := sighting{}
	for _, s := range candidates(seen) {
		if best.rec == nil || a.newer(s, best, seen) {
			best = s
		}
	}
	last := uint64(0)
	for _, s := range seen {
		if s.rec == nil {
			continue
		}
		f.top, last = max(f.top, s.rec.Version), max(last, s.rec.Term)
	}
	f.rec, f.home, f.term = best.rec, best.rec.Home, best.rec.Term
	_, answered := seen.of(f.home)
	if !answered {
		f.home = best.node
	}
	// If last is higher, it is the term of a claim that came to nothing. The write needs a higher one still, or that
	// claim would count as the newest once nobody can tell that it came to nothing.
	if !answered || last > f.term {
		f.term, f.claim = last+1, true
	}
	most := min(1, a.backupsOf(best.rec))
	if a.silent(seen) > most && !a.inEpoch(best) || a.late(seen) > most && !a.sure(best) || a.hidden(best.rec, seen) {
		return nil, a.doubt(seen)
	}
	return f, nil
}

// candidates leaves out failed attempts: records whose home answered with something that they do not descend from
// (rule C4). If nothing is left, all records count.
func candidates(seen sightings) sightings {
	var all, valid sightings
	for _, s := range seen {
		if s.rec == nil {
			continue
		}
		all = append(all, s)
		if descends(s.rec, seen) {
			valid = append(valid, s)
		}
	}
	if len(valid) == 0 {
		return all
	}
	return valid
}

// descends reports whether the record was made from what its home has, as far as that can be told (rule R5).
func descends(rec *record.Record, seen sightings) bool {
	home, answered := seen.of(rec.Home)
	return !answered || home.rec == nil || rec.HasWrite(home.rec.LastWrite()) || rec.Forgets(home.rec)
}

// tooLate reports whether a claim of a higher term came too late to be acknowledged, so that the candidate than counts
// instead (rule C5).
//
// While the claim began at its new home, others still wrote in the term that it has left, or in one that it took for
// nothing: than is such a write, and the claim misses it. Both name some of the same nodes. If such a node has a record that the claim misses, the claim did
// not get there, and never will, because no claim is written over what it misses. The same is true if the node shows
// nothing, but than is settled and lies on its own home: a plain write reaches the home last, so the node has it as well. So the claim
// was not acknowledged and never will be, while what was written meanwhile may have been. (If than was passed over, it
// was not.)
//
// That is so only of the term that the claim itself has left, and of those that it has passed over. An attempt of an
// earlier term may land at any time on a node that stood still, but the term after it has begun at its home without it.
func (a *Access) tooLate(claim, than sighting, seen sightings) bool {
	if claim.node == claim.rec.Home && !claim.rec.Unsettled {
		return false // it was settled, which reaches the home last
	}
	if claim.rec.Base().Term > than.rec.Term || !claim.rec.Misses(than.rec.Rank()) || a.passedOver(than.rec, seen) {
		return false
	}
	for _, c := range than.rec.Copies {
		if epoch, named := claim.rec.Copy(c.Node); !named || epoch != c.Epoch {
			continue
		}
		n, known := a.store.Cluster.Node(c.Node)
		switch there, answered := seen.of(c.Node); {
		case !answered || there.rec == nil:
			if than.node == than.rec.Home && !than.rec.Unsettled {
				return true
			}
		case known && n.Epoch() == c.Epoch && claim.rec.Misses(there.rec.Rank()):
			return true
		}
	}
	return false
}

// passedOver reports whether a node that the record names has kept its values since, and has a record that went on
// without this one. No claim is written over what it misses before all nodes were looked at, so this record was never
// on that node, and was not acknowledged.
func (a *Access) passedOver(rec *record.Record, seen sightings) bool {
	return a.witnessed(rec, seen, func(shown *record.Record) bool { return shown.Misses(rec.Rank()) })
}

// newer reports whether the candidate s counts more than the candidate than. The higher term wins, unless it is that of
// a claim that came too late. Within a term a record that no other copy refutes wins, then the higher version, then the
// copy on the record's home, and then the copy on the node that was asked first (rules C5 and C6).
func (a *Access) newer(s, than sighting, seen sightings) bool {
	if s.rec.Term < than.rec.Term {
		return a.tooLate(than, s, seen)
	}
	if s.rec.Term > than.rec.Term {
		return !a.tooLate(s, than, seen)
	}
	if x, y := a.refuted(s.rec, seen), a.refuted(than.rec, seen); x != y {
		return y
	}
	if s.rec.Version != than.rec.Version {
		return s.rec.Version > than.rec.Version
	}
	if x, y := s.node == s.rec.Home, than.node == than.rec.Home; x != y {
		return x
	}
	return s.node == a.node
}

// refuted reports whether a node that the record names has kept its values since, and shows that the record did not get
// there (rule C6). Then the record is not on all its copies, and was not acknowledged. What shows this is another claim
// of its term, another write of its version, or something older. Something older counts only if the home has shown no
// record. If it has, this one descends from it (see candidates), and may be an attempt on its way that will still be
// finished.
func (a *Access) refuted(rec *record.Record, seen sightings) bool {
	home, _ := seen.of(rec.Home)
	return a.witnessed(rec, seen, func(shown *record.Record) bool {
		return rivals(shown, rec) || home.rec == nil && shown.Rank().Before(rec.Rank())
	})
}

// witnessed reports whether a node that the record names has kept its values since, and has a record for which like is
// true.
func (a *Access) witnessed(rec *record.Record, seen sightings, like func(shown *record.Record) bool) bool {
	return slices.ContainsFunc(seen, func(s sighting) bool {
		n, known := a.store.Cluster.Node(s.node)
		return known && s.rec != nil && inEpoch(rec, n) && like(s.rec)
	})
}

// rivals reports whether at most one of two records of one term was acknowledged: they have different homes, or are
// different writes of one version (rule R4).
func rivals(x, y *record.Record) bool {
	return x.Term == y.Term && (x.Home != y.Home || x.Version == y.Version && x.LastWrite() != y.LastWrite())
}

// sure reports whether a copy is believed no matter which nodes are silent (rule C14). It must be the home's own and of
// the home's present epoch: a backup's copy may be a failed attempt, however fresh it looks. If the session has
// backups, the home must also be the node that was asked first, which the client's id names. Otherwise the session may
// have moved on.
func (a *Access) sure(s sighting) bool {
	return s.node == s.rec.Home && a.inEpoch(s) && (s.node == a.node || a.backupsOf(s.rec) == 0)
}

// inEpoch reports whether the copy was written in its node's present epoch, the node is available, and this instance
// knows of no write of the session that the node has missed (see hints).
func (a *Access) inEpoch(s sighting) bool {
	n, known := a.store.Cluster.Node(s.node)
	return known && n.Available() && inEpoch(s.rec, n) && !a.store.hints.has(n, a.key)
}

// inEpoch reports whether the node's copy of the record was written in the node's present epoch (rule C3). Without an
// epoch, between a restart and the next probe, no copy was.
func inEpoch(rec *record.Record, n *node.Node) bool {
	epoch, named := rec.Copy(n.ID())
	return named && epoch != 0 && epoch == n.Epoch()
}
