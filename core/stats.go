package msm

import "time"

// Stats is a snapshot of a manager's counters, all since its start, and of its nodes' states.
type Stats struct {
	Nodes []NodeStats `json:"nodes"` // in the configured order

	Loads           uint64 `json:"loads"`           // searches for a session
	FullReads       uint64 `json:"fullReads"`       // of these, those that had to ask every node
	Saves           uint64 `json:"saves"`           // writes that every copy acknowledged
	Conflicts       uint64 `json:"conflicts"`       // writes begun again, because of another writer or a failed node
	Heals           uint64 `json:"heals"`           // writes that only repaired copies
	Relocations     uint64 `json:"relocations"`     // sessions given another primary
	Refreshes       uint64 `json:"refreshes"`       // writes that only recorded an access
	Destroys        uint64 `json:"destroys"`        // sessions destroyed
	UnderReplicated uint64 `json:"underReplicated"` // writes acknowledged with fewer copies than there should be
	Dropped         uint64 `json:"dropped"`         // repairs and refreshes left to the session's next request
	Damaged         uint64 `json:"damaged"`         // requests of a session that is over because every copy was damaged
	Evicted         uint64 `json:"evicted"`         // values that the in-memory node has evicted because it was full; without Config.Nodes only
	Forged          uint64 `json:"forged"`          // copies refused because their seal is broken or lacking; see Config.EncryptionKeys
	ForgedMessages  uint64 `json:"forgedMessages"`  // messages between instances that were refused, because no instance with the keys wrote them

	Refusals Refusals `json:"refusals"` // requests without their session
	IDs      IDStats  `json:"ids"`      // what requests send that is the id of no session

	Local *LocalStats `json:"local,omitempty"` // sticky mode only
	Locks *LockStats  `json:"locks,omitempty"` // with a Config.Locking other than LockNone
}

// Refusals counts failures by cause: requests that Config.ErrorHandler answered, requests whose session could not be
// loaded or stored after their response had begun, and calls of a Store. StatusOf says whose fault each is.
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

	TooManySessions uint64 `json:"tooManySessions"` // ErrTooManySessions
	Attribute       uint64 `json:"attribute"`       // AttributeError
	Misuse          uint64 `json:"misuse"`          // other faults of the program, such as ErrIgnored and ErrCommitted
	Abandoned       uint64 `json:"abandoned"`       // the client had gone, or the request's time was up
}

// IDStats counts what requests send in place of the id of a session, since the manager's start (OWASP ASVS 16.3.3). Each of
// them goes on without a session. Some are no attack: sessions end, and keys change.
type IDStats struct {
	Refused uint64 `json:"refused"` // ids that this application has not made: malformed, not signed, or not with its keys
	Unknown uint64 `json:"unknown"` // requests whose id names a session that does not exist, or not any more
	Several uint64 `json:"several"` // requests with cookies of several sessions that exist, or with more than four cookies
}

// LockStats counts, since the manager's start, what became of requests that needed their session's lock.
type LockStats struct {
	Acquired   uint64 `json:"acquired"`   // locks taken on a node
	HandedOver uint64 `json:"handedOver"` // requests that got the lock from another one of this instance, without a node
	TimedOut   uint64 `json:"timedOut"`   // ErrLocked
	Busy       uint64 `json:"busy"`       // ErrBusy
	Lost       uint64 `json:"lost"`       // locks that ended during their request, for example with their node
	Skipped    uint64 `json:"skipped"`    // requests without a lock, because LockAuto took them for read-only

	// ReadOnly are the routes that LockAuto takes for read-only at the moment, such as "GET /items/{id}".
	ReadOnly []string `json:"readOnly,omitempty"`
}

// LocalStats is about the sessions in a sticky instance's memory: gauges first, then counters since the manager's
// start.
type LocalStats struct {
	Sessions        int64 `json:"sessions"`        // in memory
	Bytes           int64 `json:"bytes"`           // that they need, about
	PendingSessions int   `json:"pendingSessions"` // that wait to be written
	PendingChanges  int64 `json:"pendingChanges"`  // requests whose changes no node has yet: what a crash would lose now

	Takeovers  uint64 `json:"takeovers"`  // sessions taken over from another instance
	Merges     uint64 `json:"merges"`     // writes that met changes of another instance, and kept both
	Overwrites uint64 `json:"overwrites"` // changes of another instance that were overwritten, after a time without any node
	Shed       uint64 `json:"shed"`       // changes dropped after their requests, because no node takes so large a session
	Evictions  uint64 `json:"evictions"`  // sessions that left memory to make room
	Refilled   uint64 `json:"refilled"`   // sessions stored again because a node lost them or stayed away
	Missed     uint64 `json:"missed"`     // messages to other instances that were dropped, since too many waited
}

// NodeStats is the state of one node, as this instance sees it.
type NodeStats struct {
	ID       string    `json:"id"`
	Address  string    `json:"address"`
	Failover bool      `json:"failover"`
	State    NodeState `json:"state"`
	// Owed is how many sessions have a stale copy on the node, or lack one, because this instance had to do without it.
	// It is at most 10,000: with more, everything on the node counts as stale. When the node is back, they are repaired
	// within a moment.
	Owed int `json:"owed"`
	// Refill is the node's last refill, as this instance sees it. Nil: none is needed, as with a single node or without
	// backups; none is wanted (NoRefill); or the node has not answered yet.
	Refill *RefillStats `json:"refill,omitempty"`
}

// RefillStats says how far a node has its copies again, since it came back empty or with old values. The refill of the
// first node, by id, also replaces the copies on nodes that were removed. One instance does it: the counts are those of
// this instance's own work, zero if another one did it.
type RefillStats struct {
	State  RefillState `json:"state"`
	Total  int         `json:"total"`          // sessions to look at
	Done   int         `json:"done"`           // sessions looked at
	Healed int         `json:"healed"`         // of these, sessions that lacked a copy and were written
	Failed int         `json:"failed"`         // of these, sessions that could not be, such as those of a newer format
	Ended  time.Time   `json:"ended,omitzero"` // when it ended, or this instance saw that; zero: it has not
}

// RefillState says how far a node's refill is.
type RefillState string

// The states of a refill.
const (
	RefillWaiting  RefillState = "waiting"  // it will begin, or be tried again, or another instance works on it
	RefillRunning  RefillState = "running"  // this instance works on it
	RefillDone     RefillState = "done"     // sessions whose keys any node in use lists have their copies
	RefillUnlisted RefillState = "unlisted" // as far as possible: a server lists no keys, the rest waits for requests
)

// NodeState says whether requests use a node.
type NodeState string

// The states of a node.
const (
	NodeUp   NodeState = "up"
	NodeDown NodeState = "down" // it has failed or never answered, and no probe has succeeded since
)
