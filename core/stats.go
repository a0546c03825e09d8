package msm

import "time"

// Stats is a reading of a manager's counters, all since its start.
type Stats struct {
	Nodes []NodeStats `json:"nodes"` // in the configured order

	Loads           uint64 `json:"loads"`           // looks for a session
	FullLoads       uint64 `json:"fullLoads"`       // of these, ones that had to ask every node
	Saves           uint64 `json:"saves"`           // writes that every copy acknowledged
	Conflicts       uint64 `json:"conflicts"`       // tries that began again: another writer, or a failed node
	Heals           uint64 `json:"heals"`           // writes that only mended copies
	Relocations     uint64 `json:"relocations"`     // sessions given another primary
	Refreshes       uint64 `json:"refreshes"`       // writes that only recorded an access
	Destroys        uint64 `json:"destroys"`        // sessions destroyed
	UnderReplicated uint64 `json:"underReplicated"` // writes acknowledged with fewer copies than there should be
	Dropped         uint64 `json:"dropped"`         // heals and refreshes left to the session's next request

	Refusals Refusals `json:"refusals"` // requests without their session

	Local *LocalStats `json:"local,omitempty"` // sticky mode only
	Locks *LockStats  `json:"locks,omitempty"` // with a Config.Locking other than LockNone
}

// Refusals counts by cause the requests that were answered by Config.ErrorHandler, those whose session could not be loaded or
// stored after their answer had begun, and calls of a Store that failed. StatusOf says which are whose fault.
type Refusals struct {
	Unavailable uint64 `json:"unavailable"` // ErrUnavailable: nodes did not answer
	Full        uint64 `json:"full"`        // ErrFull: nodes did not take what a sticky instance's memory holds
	Locked      uint64 `json:"locked"`      // ErrLocked
	Busy        uint64 `json:"busy"`        // ErrBusy
	Closed      uint64 `json:"closed"`      // ErrClosed
	Conflict    uint64 `json:"conflict"`    // ErrConflict
	Gone        uint64 `json:"gone"`        // ErrGone
	TooLarge    uint64 `json:"tooLarge"`    // ErrTooLarge
	Unreadable  uint64 `json:"unreadable"`  // ErrUnreadable
	Attribute   uint64 `json:"attribute"`   // AttributeError
	Misuse      uint64 `json:"misuse"`      // what else a program must not do, such as ErrIgnored and ErrCommitted
	Abandoned   uint64 `json:"abandoned"`   // the client had gone, or the request's time was up
}

// LockStats counts, since the manager's start, what became of requests that waited for their session's lock.
type LockStats struct {
	Taken   uint64 `json:"taken"`   // locks taken on a node
	Passed  uint64 `json:"passed"`  // requests that got the lock from another one of this instance, at no cost
	Refused uint64 `json:"refused"` // ErrLocked
	Busy    uint64 `json:"busy"`    // ErrBusy
	Lost    uint64 `json:"lost"`    // locks that ended under their request, as with their node
	Skipped uint64 `json:"skipped"` // requests without a lock, because LockAuto took them for reading

	// ReadOnly are the routes whose requests LockAuto takes for reading, as it stands: "GET /items/{id}".
	ReadOnly []string `json:"readOnly,omitempty"`
}

// LocalStats is about the sessions in a sticky instance's memory: gauges first, then counters since its start.
type LocalStats struct {
	Sessions        int64 `json:"sessions"`        // in memory
	Bytes           int64 `json:"bytes"`           // they need, nearly
	PendingSessions int   `json:"pendingSessions"` // that wait to be written
	PendingChanges  int64 `json:"pendingChanges"`  // requests whose changes are on no node yet: what a crash would cost now

	Takeovers uint64 `json:"takeovers"` // sessions taken over from another instance
	Merges    uint64 `json:"merges"`    // writes that met changes of another instance, and kept both
	Clashes   uint64 `json:"clashes"`   // changes of another instance that were overwritten after no node had been available
	Shed      uint64 `json:"shed"`      // changes given up after their requests, because no node takes a session of that size
	Evictions uint64 `json:"evictions"` // sessions that left memory to make room
	Refilled  uint64 `json:"refilled"`  // sessions stored again because a node lost them or stayed away
}

// NodeStats is the state of one node.
type NodeStats struct {
	ID       string    `json:"id"`
	Address  string    `json:"address"`
	Failover bool      `json:"failover"`
	State    NodeState `json:"state"`
	// Owed is how many sessions have an old copy on the node, or lack one, because this instance had to do without it: at most
	// 10,000, for beyond everything on it counts as old. They are brought to it within a moment when it is back.
	Owed int `json:"owed"`
	// Refill is how this instance sees the node's last refill. Nil: none is needed, as with a single node or without
	// backups, none is wanted (NoRefill), or the node has not answered yet.
	Refill *RefillStats `json:"refill,omitempty"`
}

// RefillStats says how far a node has got its copies again since it came back empty or with old values. That of the first
// node, by id, also makes good what nodes that were removed had. One instance does it; the counts are those of this
// instance's own work, zero if another one did it.
type RefillStats struct {
	State  RefillState `json:"state"`
	Total  int         `json:"total"`          // sessions to look at
	Done   int         `json:"done"`           // sessions looked at
	Healed int         `json:"healed"`         // of these, ones that lacked a copy and were written
	Failed int         `json:"failed"`         // of these, ones that could not be healed, such as those of a newer format
	Ended  time.Time   `json:"ended,omitzero"` // when it ended, or was seen to have ended
}

// RefillState says how a node's refill stands.
type RefillState string

// The states of a refill.
const (
	RefillWaiting  RefillState = "waiting"  // it is due: it will begin, or be tried again, or another instance is at it
	RefillRunning  RefillState = "running"  // this instance is at it
	RefillDone     RefillState = "done"     // every session that any node in use has a key of has its copies
	RefillUnlisted RefillState = "unlisted" // as far as possible: a server does not list its keys, so the rest waits for requests
)

// NodeState says whether requests use a node.
type NodeState string

// The states of a node.
const (
	NodeUp   NodeState = "up"
	NodeDown NodeState = "down" // it has failed, and no look at it since has ended well
)

// Stats reads the counters and the nodes' states.
func (m *Manager) Stats() Stats {
	c := m.store.Counts()
	s := Stats{
		Loads: c.Loads, FullLoads: c.FullLoads, Saves: c.Saves, Conflicts: c.Conflicts, Heals: c.Heals,
		Relocations: c.Relocations, Refreshes: c.Refreshes, Destroys: c.Destroys, UnderReplicated: c.UnderReplicated,
		Dropped: m.background.dropped.Load(), Refusals: m.refusals.stats(),
	}
	if m.local != nil {
		counts := LocalStats(m.local.Counts())
		s.Local = &counts
	}
	s.Locks = m.locks.stats()
	for _, member := range m.store.Cluster.Members() {
		n := member.Node
		state := NodeDown
		if n.Available() {
			state = NodeUp
		}
		s.Nodes = append(s.Nodes, NodeStats{ID: n.ID(), Address: n.Address(), Failover: member.Failover, State: state, Owed: m.store.CountOwed(n), Refill: m.refills.stats(n)})
	}
	return s
}
