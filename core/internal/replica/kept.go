package replica

import (
	"errors"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// withKept compares the record that the caller holds (see Keep) with the result of a look, a record or an error, and
// returns what counts (rule C11).
func (a *Access) withKept(f *found, err error) (*found, error) {
	switch {
	case err != nil && !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrDamaged):
		return nil, err
	case err != nil:
		return a.restore(a.seen, 0, err)
	case f.rec.Tombstone || f.rec.Rank().Beyond(a.kept.Rank()): // someone else has written since the caller did
		return f, nil
	case f.rec.Rank() == a.kept.Rank():
		f.rec = a.kept // the same values, but the caller knows better when the session was used last
		return f, nil
	}
	return a.restore(f.seen, f.top, nil)
}

// restore makes what the caller holds the session's record again, by a claim. So whatever turns up later on a node that
// is silent now has a lower rank. why is the error if no node answers.
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

// homeOf returns the node to which a restored record goes, among those that answered: the one where it is expected, or
// else the best ranked. It is nil if none answered.
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

// Outrank tells the access which record the caller has stored last. That may lie apart from what others have: the
// caller may have had to store it on a node that a look need not ask, because it could not reach the nodes to which the
// client's id led others. If they have written there since, the next Write begins a term above that of the caller's
// record.
func (a *Access) Outrank(apart *record.Record) { a.apart = apart }

// behind reports whether the record's term is lower than that of what the caller has stored.
func (a *Access) behind(rec *record.Record) bool { return a.apart != nil && rec.Term < a.apart.Term }

// outdated reports whether what the caller has stored was made from the record (rule C12). Then the record was left
// behind by an instance that had to do without its node. A tombstone is never outdated.
func (a *Access) outdated(rec *record.Record) bool {
	return a.behind(rec) && !rec.Tombstone && a.apart.Follows(rec.Rank())
}

// Intact reports whether nothing is to be done for the record's copies: it is settled, each copy is on an available
// node that has lost nothing since, there are as many copies as there should be, and none is on a failover node without
// need. It asks no node.
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
