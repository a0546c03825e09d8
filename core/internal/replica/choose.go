package replica

import (
	"errors"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// choose picks the newest record among what every node has shown. There is at least one.
//
// If one node is silent the best of what the others have is believed: one may fail. With a second one silent, or without
// backups, there may well be a newer copy: better no answer than a wrong one, unless it is of its node's present epoch. If they
// have run out of time, a moment ago, it may be this instance that stood still, and even that says too little.
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
	if !answered || last > f.term { // than a claim that came to nothing: once nobody can tell, it must not be the latest
		f.term, f.claim = last+1, true
	}
	most := min(1, a.backupsOf(best.rec))
	if a.silent(seen) > most && !a.inEpoch(best) || a.late(seen) > most && !a.sure(best) {
		return nil, a.doubt(seen)
	}
	return f, nil
}

// backupsOf is how many nodes may be silent without hiding what is newer than the record. Who wrote it may have been told
// of more backups than this instance.
func (a *Access) backupsOf(rec *record.Record) int { return max(a.store.Backups, len(rec.Copies)-1) }

// doubt is the answer where only copies were found that may be old. Without backups the session is lost, unless the node
// that has it was there a short while ago: it may be back soon.
func (a *Access) doubt(seen sightings) error {
	if a.store.Backups > 0 {
		return a.unavailable(ErrUnavailable, "the others have only copies that may be old")
	}
	for _, m := range a.store.Cluster.Members() {
		if a.isAway(m.Node, seen) {
			return a.unavailable(errAway, "the others have only copies that may be old")
		}
	}
	return ErrNoSession
}

// candidates leaves out failed attempts: records whose home answered with something that they do not descend from.
// If nothing is left, all count.
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

func descends(rec *record.Record, seen sightings) bool {
	home, answered := seen.of(rec.Home)
	return !answered || home.rec == nil || rec.HasWrite(home.rec.LastWrite()) || rec.Forgets(home.rec)
}

// tooLate: when the claim began elsewhere, others still wrote what than has, on nodes of which the claim names one, too. One that
// has some of it shows that the claim did not get there; or the home of before shows that it never will, for that node has what
// the home has. So it was not acknowledged, nor will it be, for no claim is written over what it misses; and what was written
// meanwhile may have been acknowledged.
//
// That is so only of the term that the claim itself has left. An attempt of an earlier one may land at any time on a node that
// has stood still; but the next term has begun at its home without it.
func (a *Access) tooLate(claim, than sighting, seen sightings) bool {
	if claim.rec.Base().Term != than.rec.Term || !claim.rec.Misses(than.rec.Rank()) || a.passedOver(than.rec, seen) {
		return false
	}
	for _, c := range than.rec.Copies {
		if epoch, named := claim.rec.Copy(c.Node); !named || epoch != c.Epoch {
			continue
		}
		n, known := a.store.Cluster.Node(c.Node)
		switch there, answered := seen.of(c.Node); {
		case !answered || there.rec == nil:
			if than.node == than.rec.Home {
				return true
			}
		case known && n.Epoch() == c.Epoch && claim.rec.Misses(there.rec.Rank()):
			return true
		}
	}
	return false
}

// passedOver: a node that the record names has kept its values since, and what it has went on without this record. No claim is
// written over what it misses before all nodes were looked at, so the record has never been there, and was not acknowledged.
func (a *Access) passedOver(rec *record.Record, seen sightings) bool {
	return a.witnessed(rec, seen, func(shown *record.Record) bool { return shown.Misses(rec.Rank()) })
}

// newer orders two candidates: by term, unless that is of a claim that was too late, then by whether another copy refutes them, then by version; of equals the home's own,
// then the one the client came for.
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

// refuted: a node that the record names has kept its values since, and shows that the record did not get there. So it is not
// on all its copies, and was not acknowledged. What shows it is another claim of its term, another write of its version, or
// something older; but an attempt on its way to a home that can tell what descends from its own may be finished.
func (a *Access) refuted(rec *record.Record, seen sightings) bool {
	home, _ := seen.of(rec.Home)
	return a.witnessed(rec, seen, func(shown *record.Record) bool {
		return rivals(shown, rec) || home.rec == nil && shown.Rank().Before(rec.Rank())
	})
}

// witnessed: a node that the record names has kept its values since, and shows something like that.
func (a *Access) witnessed(rec *record.Record, seen sightings, like func(shown *record.Record) bool) bool {
	return slices.ContainsFunc(seen, func(s sighting) bool {
		n, known := a.store.Cluster.Node(s.node)
		return known && s.rec != nil && inEpoch(rec, n) && like(s.rec)
	})
}

// rivals are of one term, and at most one of them was acknowledged.
func rivals(x, y *record.Record) bool {
	return x.Term == y.Term && (x.Home != y.Home || x.Version == y.Version && x.LastWrite() != y.LastWrite())
}

// late counts the nodes that have run out of time in this request, or a moment ago.
func (a *Access) late(seen sightings) (n int) {
	for _, m := range a.store.Cluster.Members() {
		if _, answered := seen.of(m.Node.ID()); !answered && a.ranOutOfTime(m.Node) {
			n++
		}
	}
	return n
}

func (a *Access) ranOutOfTime(n *node.Node) bool {
	for _, f := range a.failed {
		if f.node == n.ID() && !errors.Is(f.why, node.ErrDown) {
			return node.OutOfTime(f.why)
		}
	}
	trouble, down := n.Trouble()
	return down && trouble.Down < stillTime && node.OutOfTime(trouble.Why)
}

// sure: the copy is believed whoever is silent. It is the home's own, for a backup's may be a failed attempt, however fresh it
// looks; and of a session with backups the client's id names that home, or the session may have moved on.
func (a *Access) sure(s sighting) bool {
	return s.node == s.rec.Home && a.inEpoch(s) && (s.node == a.node || a.backupsOf(s.rec) == 0)
}

// inEpoch: the copy was written in its node's present epoch, and this instance has not done without the node since.
func (a *Access) inEpoch(s sighting) bool {
	n, known := a.store.Cluster.Node(s.node)
	return known && n.Available() && inEpoch(s.rec, n) && !a.store.hints.has(n, a.key)
}

// inEpoch: the record on the node was written in its present epoch. Without one, between a restart and the next probe,
// none is.
func inEpoch(rec *record.Record, n *node.Node) bool {
	epoch, named := rec.Copy(n.ID())
	return named && epoch != 0 && epoch == n.Epoch()
}
