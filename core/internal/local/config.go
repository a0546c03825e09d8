package local

import (
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/replica"
)

// Config says how sessions are held.
type Config struct {
	Replica     *replica.Store         // the copies of sessions on the nodes
	Route       string                 // this instance's name in session ids
	MaxSessions int                    // sessions held at a time; zero: no limit
	MaxBytes    int64                  // bytes of all sessions together, with what it takes to hold them; zero: no limit
	MaxSize     int                    // bytes of one session as it is stored; zero: no limit
	Sync        bool                   // store a change before its request is answered
	MemoryOnly  func(name string) bool // reports whether the attribute is never stored; nil: none is
	RefillRate  int                    // sessions stored again per second because a node lost them; zero: 2,000, negative: none
	Wait        time.Duration          // how long a request waits for its turn to write, and for the nodes to keep up; zero: 10 s
	Patience    time.Duration          // how long Close tries in vain if its context has no deadline; zero: not at all
	Log         *journal.Journal
}

// How long to wait between attempts of a write that fails.
const (
	retryMin = 50 * time.Millisecond
	retryMax = 5 * time.Second
)
