package replica

import (
	"errors"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
)

// withKept compares the record that the caller holds (see Keep) with the result of a look, a record or an error, and
// returns what counts (rule C11).
func (a *Access) withKept(f *quorum.Decision, err error) (*quorum.Decision, error) {
	switch {
	case err != nil && !errors.Is(err, ErrNoSession) && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrDamaged):
		return nil, err
	case err != nil:
		return a.restore(a.seen, 0, err)
	case f.TakeHeld(a.kept):
		return a.restore(f.Seen, f.Top, nil)
	}
	return f, nil
}

// restore makes what the caller holds the session's record again: see quorum.Restore. why is the error if no node
// answers.
func (a *Access) restore(seen quorum.Copies, top uint64, why error) (*quorum.Decision, error) {
	home := a.homeOf(seen)
	switch {
	case home == nil:
		return nil, why
	case a.view(seen).Stalled():
		return nil, a.unavailable(ErrUnavailable, "it is a moment only, in which this instance may have stood still")
	}
	return quorum.Restore(a.kept, home.ID(), seen, top), nil
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
