package replica

import "sync/atomic"

// Counters count what a store has done since it was made. They are safe for concurrent use; the zero value is ready.
type Counters struct {
	loads, fullLoads, saves, conflicts, heals, relocations, refreshes, destroys, underReplicated atomic.Uint64
}

// Counts is a reading of the counters.
type Counts struct {
	Loads           uint64 // looks for a record
	FullLoads       uint64 // those among them that asked every node
	Saves           uint64 // writes acknowledged by every copy
	Conflicts       uint64 // attempts that had to start again
	Heals           uint64 // writes that only repaired copies
	Relocations     uint64 // writes that gave a session another home, or claimed its home anew
	Refreshes       uint64 // writes that only recorded an access
	Destroys        uint64 // sessions destroyed
	UnderReplicated uint64 // writes acknowledged with fewer copies than there should be
}

// Counts reads the counters.
func (c *Counters) Counts() Counts {
	return Counts{
		Loads: c.loads.Load(), FullLoads: c.fullLoads.Load(), Saves: c.saves.Load(), Conflicts: c.conflicts.Load(),
		Heals: c.heals.Load(), Relocations: c.relocations.Load(), Refreshes: c.refreshes.Load(),
		Destroys: c.destroys.Load(), UnderReplicated: c.underReplicated.Load(),
	}
}
