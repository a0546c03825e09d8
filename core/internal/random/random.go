// Package random gives what need not be secret its randomness: ids of writes and locks, epochs, and how long to wait. A
// simulation replaces its sources, so that it replays exactly.
package random

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Sources are what a simulation draws from. They must be safe for concurrent use. Waits have one of their own, because
// they alone decide what happens when: which of two simultaneous draws gets which id makes no difference.
type Sources struct{ IDs, Waits rand.Source }

var replaced atomic.Pointer[Sources]

// Replace has everything drawn from s; nil: from the runtime again. It is for tests.
func Replace(s *Sources) { replaced.Store(s) }

// Uint64 is any number but 0.
func Uint64() uint64 {
	for {
		n := rand.Uint64
		if s := replaced.Load(); s != nil {
			n = s.IDs.Uint64
		}
		if id := n(); id != 0 {
			return id
		}
	}
}

// Uint32 is any number but 0.
func Uint32() uint32 {
	for {
		if id := uint32(Uint64() >> 32); id != 0 {
			return id
		}
	}
}

// Wait is any time from 0 up to, not including, most.
func Wait(most time.Duration) time.Duration {
	if s := replaced.Load(); s != nil {
		return time.Duration(s.Waits.Uint64() % uint64(most))
	}
	return rand.N(most)
}
