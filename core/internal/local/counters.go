package local

import "github.com/gomsm/msm/core/internal/counter"

// Counters count what has become of sessions since the store was made.
type Counters struct {
	Takeovers  counter.Counter // sessions taken over from another instance
	Merges     counter.Counter // writes that met changes of another instance
	Overwrites counter.Counter // changes of another instance that were overwritten; see diff
	Shed       counter.Counter // changes given up because no node takes a session of their size
	Evictions  counter.Counter // sessions that left memory to make room
	Refilled   counter.Counter // sessions to be stored again because a node lost them
	Missed     counter.Counter // messages to other instances that were dropped, since too many waited
}

// Gauges are how much there is at the moment.
type Gauges struct {
	Sessions        int64 // in memory
	Bytes           int64 // of memory that these sessions need
	PendingSessions int   // sessions that wait to be written
	PendingChanges  int64 // requests whose changes no node has yet
}
