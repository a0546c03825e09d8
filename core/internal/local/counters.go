package local

import "sync/atomic"

// counters count events since the start, except pendingChanges, which is the present number. The cache counts evictions.
type counters struct {
	pendingChanges                             atomic.Int64
	takeovers, merges, clashes, shed, refilled atomic.Uint64
}

// Counts is a snapshot of the counters.
type Counts struct {
	Sessions        int64  // in memory at the moment
	Bytes           int64  // of memory that these sessions need
	PendingSessions int    // sessions that wait to be written
	PendingChanges  int64  // requests whose changes no node has yet
	Takeovers       uint64 // sessions taken over from another instance
	Merges          uint64 // writes that met changes of another instance
	Clashes         uint64 // changes of another instance that were overwritten; see diff
	Shed            uint64 // changes given up because no node takes a session of their size
	Evictions       uint64 // sessions that left memory to make room
	Refilled        uint64 // sessions to be stored again because a node lost them
}
