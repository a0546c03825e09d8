package replica

import "github.com/gomsm/msm/core/internal/record"

// wreckTerm is higher than the term of any copy that a session can have.
const wreckTerm = 1 << 62

// wreck returns a stand-in for the record of a session whose copies are all damaged, so that the session can be
// destroyed (rule C19). Nobody knows the rank that these copies had, nor the rank of a good copy on a node that is
// silent now. The tombstone ranks above all of them.
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
