package replica

import (
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// skip records that a write does without a node which had a copy, or should get one (rule H4).
func (a *Access) skip(n *node.Node) {
	a.op.skip(n)
	a.owe(n, nil)
}

// remind gives the hints of a write once more when the write is over, because they may have been delivered before it
// was. A node that has what is stored, by a later attempt of the write, is owed nothing. A node that a failed
// attempt got to, and that has no copy of what is stored now, is: nothing else would ever remove the attempt from there
// (rules H4 and H5).
func (a *Access) remind(stored *record.Record) {
	for _, n := range slices.Concat(a.op.skipped, a.op.touched) {
		if stored != nil {
			if _, has := stored.Copy(n.ID()); has {
				continue
			}
		}
		a.owe(n, stored)
	}
	a.op.skipped, a.op.touched = nil, nil
}

// owe gives a hint for a node that lacks a record; nil: perhaps an attempt only. A node that has left the list since is a
// stranger by now.
func (a *Access) owe(n *node.Node, lacks *record.Record) {
	var what quorum.Lack
	if lacks != nil {
		what = quorum.Lack{Rank: lacks.Rank(), Copies: lacks.Copies}
	}
	a.store.hints.add(n, a.key, what)
	if listed, known := a.store.Cluster.Node(n.ID()); !known || listed != n { // checked last, because it may leave meanwhile
		a.store.Forget(n)
	}
}

// Owed returns the keys of the sessions whose copies on a node are stale, or missing, because this instance had to do
// without it; nil while the node is not available.
func (s *Store) Owed(n *node.Node) []string {
	if s.hints.any.Load() == 0 || !n.Available() {
		return nil
	}
	return s.hints.list(n)
}

// CountOwed returns how many sessions a node is owed, whether or not it is available.
func (s *Store) CountOwed(n *node.Node) int {
	s.hints.mu.Lock()
	defer s.hints.mu.Unlock()
	if d := s.hints.of[n]; d != nil {
		return len(d.keys)
	}
	return 0
}

// Forget drops the hints for a node that has left the list. Other instances may list it still, so the debt itself is
// remembered, as that to a stranger.
func (s *Store) Forget(n *node.Node) {
	s.hints.mu.Lock()
	defer s.hints.mu.Unlock()
	if d := s.hints.of[n]; d != nil {
		s.strangers.add(record.Copy{Node: n.ID(), Epoch: d.epoch})
		s.hints.forget(n)
	}
}
