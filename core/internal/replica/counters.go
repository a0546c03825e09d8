package replica

import "github.com/gomsm/msm/core/internal/counter"

// Counters count what a store has done since it was made.
type Counters struct {
	Loads           counter.Counter // looks for a record
	FullReads       counter.Counter // those among them that asked every node
	Saves           counter.Counter // writes acknowledged by every copy
	Conflicts       counter.Counter // attempts that had to start again
	Heals           counter.Counter // writes that only repaired copies
	Relocations     counter.Counter // writes that gave a session another home, or claimed its home anew
	Refreshes       counter.Counter // writes that only recorded an access
	Destroys        counter.Counter // sessions destroyed
	UnderReplicated counter.Counter // writes acknowledged with fewer copies than there should be
	Damaged         counter.Counter // loads of a session that is over because every copy was damaged
	Forged          counter.Counter // copies refused because their seal is broken or lacking
	ForgedMessages  counter.Counter // messages refused because no instance wrote them
}
