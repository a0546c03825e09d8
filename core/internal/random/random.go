// Package random gives what need not be secret its randomness: ids of writes and locks, epochs, and how long to wait. A
// simulation has sources of its own, one for each actor, so that it replays exactly.
package random

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Source is what one actor draws from. A nil Source draws from the runtime. It is safe for concurrent use, but who draws
// first gets the first number: actors that are at work at one moment need sources of their own.
type Source struct {
	seed uint64

	mu   sync.Mutex
	from *rand.PCG
}

// NewSource returns the source of the actor with that name. The same seed and name give the same numbers.
func NewSource(seed uint64, name string) *Source {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	_, _ = h.Write([]byte(name))
	own := h.Sum64()
	return &Source{seed: own, from: rand.NewPCG(seed, own)}
}

// Of returns the source of an actor within this one, which depends on nothing that was drawn; nil if s is nil.
func (s *Source) Of(name string) *Source {
	if s == nil {
		return nil
	}
	return NewSource(s.seed, name)
}

var standard atomic.Pointer[Source]

// Default returns what managers draw from that are made now: nil, unless a simulation has replaced it.
func Default() *Source { return standard.Load() }

// Replace makes s the default; nil is the runtime again. It is for simulations.
func Replace(s *Source) { standard.Store(s) }

// Uint64 returns any number but 0.
func (s *Source) Uint64() uint64 {
	for {
		if n := s.draw(); n != 0 {
			return n
		}
	}
}

// Uint32 returns any number but 0.
func (s *Source) Uint32() uint32 {
	for {
		if n := uint32(s.draw() >> 32); n != 0 {
			return n
		}
	}
}

// Wait returns any time from 0 up to, not including, most.
func (s *Source) Wait(most time.Duration) time.Duration {
	if s == nil {
		return rand.N(most)
	}
	return time.Duration(s.draw() % uint64(most))
}

// Read fills p, and implements io.Reader.
func (s *Source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.draw())
	}
	return len(p), nil
}

func (s *Source) draw() uint64 {
	if s == nil {
		return rand.Uint64()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.from.Uint64()
}
