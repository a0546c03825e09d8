package replica

import (
	"errors"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// withKept weighs what the caller holds against what a look has found, or has not.
func (a *Access) withKept(f *found, err error) (*found, error) {
	switch {
	case err != nil && !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrDamaged):
		return nil, err
	case err != nil:
		return a.restore(a.seen, 0, err)
	case f.rec.Tombstone || f.rec.Rank().Beyond(a.kept.Rank()): // someone else has written since the caller did
		return f, nil
	case f.rec.Rank() == a.kept.Rank():
		f.rec = a.kept // the same values; the caller knows better when the session was used last
		return f, nil
	}
	return a.restore(f.seen, f.top, nil)
}

// restore makes what the caller holds the session's record again, by a claim, so that whatever turns up later on a node
// that is silent now ranks below it.
func (a *Access) restore(seen sightings, top uint64, why error) (*found, error) {
	home := a.homeOf(seen)
	switch {
	case home == nil:
		return nil, why
	case a.stoodStill(seen):
		return nil, a.unavailable(ErrUnavailable, "it is a moment only, in which this instance may have stood still")
	}
	return &found{
		rec: a.kept, home: home.ID(), seen: seen, term: a.kept.Term + 1, top: max(top, a.kept.Version),
		heal: true, unsafe: true, claim: true,
	}, nil
}

// stillTime is how long several nodes have to be away at once before that is believed: four looks of their probers.
const stillTime = time.Second

// stoodStill: more nodes are silent at once than there are backups, since a moment ago. Most likely it was the caller that
// did not run for a while. Another instance may have ended the session meanwhile, and nobody who could tell has answered; a
// moment later the nodes will.
func (a *Access) stoodStill(seen sightings) bool {
	silent := 0
	for _, m := range a.store.Cluster.Members() {
		if _, answered := seen.of(m.Node.ID()); !answered && m.Node.DownFor() < stillTime {
			silent++
		}
	}
	return a.store.Backups > 0 && silent > a.store.Backups
}

// homeOf is where a restored record goes: where it is expected, or else to the best of the nodes that answered.
func (a *Access) homeOf(seen sightings) *node.Node {
	ranking := a.store.Cluster.Ranking(a.key)
	if first, known := a.store.Cluster.Node(a.node); known {
		ranking = slices.Insert(ranking, 0, first)
	}
	for _, n := range ranking {
		if _, answered := seen.of(n.ID()); answered && a.usable(n) {
			return n
		}
	}
	return nil
}

// Outrank tells of what the caller has stored last, perhaps apart: on a node that the look may not ask, when it could not
// reach those that the client's id has led others to. Should these have written since, the next Write ranks above it.
func (a *Access) Outrank(apart *record.Record) { a.apart = apart }

// behind: the record's term is lower than that of what the caller has stored.
func (a *Access) behind(rec *record.Record) bool { return a.apart != nil && rec.Term < a.apart.Term }

// outdated: what the caller has stored was made from the record. Whoever had to do without the record's node has left it there. A
// tombstone is never outdated.
func (a *Access) outdated(rec *record.Record) bool {
	return a.behind(rec) && !rec.Tombstone && a.apart.Follows(rec.Rank())
}

// Intact reports whether each copy that the record names is where it says, on an available node that has lost nothing
// since, and whether there are as many as there should be, on no failover node without need.
func (s *Store) Intact(rec *record.Record) bool {
	for _, c := range rec.Copies {
		n, known := s.Cluster.Node(c.Node)
		if !known || !n.Available() || n.Epoch() != c.Epoch {
			return false
		}
	}
	return !rec.Unsettled && (len(rec.Copies) > s.backups() || !s.spareNode(rec)) && !s.astray(rec)
}

// Available reports whether there is a node that can be used.
func (s *Store) Available() bool {
	for _, m := range s.Cluster.Members() {
		if m.Node.Available() {
			return true
		}
	}
	return false
}
