package local

import "sync/atomic"

// The states of a session. A clean one may leave memory at any moment. A dirty one is to be stored, or is being
// written. One that is removed is not in memory any more: it was evicted, or has ended, or another instance serves it.
const (
	clean int32 = iota
	dirty
	removed
)

// state is one of these. The zero value is clean.
type state struct{ now atomic.Int32 }

func (s *state) is(x int32) bool { return s.now.Load() == x }

func (s *state) set(x int32) { s.now.Store(x) }

// change reports whether the state was from. If it was, it is to now.
func (s *state) change(from, to int32) bool { return s.now.CompareAndSwap(from, to) }

// markDirty keeps the session in memory until it is saved. It returns false if the session is removed already.
func (s *state) markDirty() bool { return s.change(clean, dirty) || s.is(dirty) }
