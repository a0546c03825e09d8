package replica

import "github.com/gomsm/msm/core/internal/record"

// wreckTerm is above the term of any copy that a session can have.
const wreckTerm = 1 << 62

// wreck stands for a session whose copies are all damaged, so that it can be destroyed. Nobody knows the rank that they had, nor
// that of a good one on a node that is silent now: its tombstone is above all of them.
func (a *Access) wreck() *found {
	now := a.store.Clock()
	f := &found{
		rec:  &record.Record{Created: now, LastAccess: now, IdleTimeout: a.store.IdleTime},
		home: a.node, seen: a.seen, term: wreckTerm, heal: true, claim: true,
	}
	if _, answered := a.seen.of(f.home); !answered {
		f.home = a.seen[0].node
	}
	return f
}
