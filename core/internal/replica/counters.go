package replica

import "sync/atomic"

// Counters count since the start.
type Counters struct {
	loads, fullLoads, saves, conflicts, heals, relocations, refreshes, destroys, underReplicated atomic.Uint64
}

// Counts is a reading of the counters.
type Counts struct {
	Loads           uint64 // looks for a record
	FullLoads       uint64 // of these, ones that asked every node
	Saves           uint64 // writes acknowledged by every copy
	Conflicts       uint64 // attempts that had to start again
	Heals           uint64 // writes that only mended copies
	Relocations     uint64 // sessions given another home
	Refreshes       uint64 // writes that only recorded an access
	Destroys        uint64 // tombstones written
	UnderReplicated uint64 // writes acknowledged with fewer copies than configured
}

// Counts reads the counters.
func (c *Counters) Counts() Counts {
	return Counts{
		Loads: c.loads.Load(), FullLoads: c.fullLoads.Load(), Saves: c.saves.Load(), Conflicts: c.conflicts.Load(),
		Heals: c.heals.Load(), Relocations: c.relocations.Load(), Refreshes: c.refreshes.Load(),
		Destroys: c.destroys.Load(), UnderReplicated: c.underReplicated.Load(),
	}
}
