package replica

import (
	"errors"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
)

// withHeld compares the record that the caller holds (see Hold) with the result of a look, a record or an error, and
// returns what counts (rule C11).
func (a *Access) withHeld(d *quorum.Decision, err error) (*quorum.Decision, error) {
	switch {
	case err != nil && !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrUnavailable):
		return nil, err
	case err != nil:
		return a.restore(a.looks.seen, 0, err)
	case d.TakeHeld(a.caller.held):
		return a.restore(d.Seen, d.Top, nil)
	}
	return d, nil
}

// restore makes what the caller holds the session's record again: see quorum.Restore. why is the error if no node
// answers.
func (a *Access) restore(seen quorum.Copies, top uint64, why error) (*quorum.Decision, error) {
	home := a.homeOf(seen)
	switch {
	case home == nil:
		return nil, why
	case a.view(seen).Stalled():
		return nil, a.unavailable(ErrUnavailable, standstill)
	}
	return quorum.Restore(a.caller.held, home.ID(), seen, top), nil
}

// homeOf returns the node to which a restored record goes, among those that answered: the one where it is expected, or
// else the best ranked. It is nil if none answered.
func (a *Access) homeOf(seen quorum.Copies) *node.Node {
	ranking := a.store.Cluster.Ranking(a.key)
	if first, known := a.store.Cluster.Node(a.node); known {
		ranking = slices.Insert(ranking, 0, first)
	}
	for _, n := range ranking {
		if _, answered := seen.Of(n.ID()); answered && a.usable(n) {
			return n
		}
	}
	return nil
}
