// Package random provides random numbers for what need not be secret: ids of writes and locks, epochs, and times to
// wait. In a simulation each actor has a source of its own, so that a run replays exactly.
package random

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Source is what one actor draws random numbers from. A nil *Source is valid and draws from the runtime. It is safe for
// concurrent use, but the order of the calls decides who gets which number: actors that run at the same time need
// sources of their own.
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

// Of returns the source of an actor within s. It does not depend on what was drawn from s. If s is nil it returns nil.
func (s *Source) Of(name string) *Source {
	if s == nil {
		return nil
	}
	return NewSource(s.seed, name)
}

var standard atomic.Pointer[Source]

// Default returns the source for managers that are created from here on: nil, unless a simulation has replaced it.
func Default() *Source { return standard.Load() }

// Replace makes s the default; nil restores the runtime's source. It is for simulations.
func Replace(s *Source) { standard.Store(s) }

// Uint64 returns a random number that is not 0.
func (s *Source) Uint64() uint64 {
	for {
		if n := s.draw(); n != 0 {
			return n
		}
	}
}

// Uint32 returns a random number that is not 0.
func (s *Source) Uint32() uint32 {
	for {
		if n := uint32(s.draw() >> 32); n != 0 {
			return n
		}
	}
}

// Wait returns a random duration from 0 up to, but not including, most, which must be positive.
func (s *Source) Wait(most time.Duration) time.Duration {
	if s == nil {
		return rand.N(most)
	}
	return time.Duration(s.draw() % uint64(most))
}

// Read fills p with random bytes. It implements io.Reader and never fails.
func (s *Source) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(s.draw())
	}
	return len(p), nil
}

// actor is the context key for the name of the actor.
type actor struct{}

// As returns a context for what the actor with that name does; see Pause. If s is nil it returns ctx.
func (s *Source) As(ctx context.Context, name ...string) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, actor{}, strings.Join(name, " "))
}

// pauseMost is the longest pause. It is short compared with all that a simulation measures, but so long compared with a
// nanosecond that two pauses that begin at the same moment hardly ever end at the same moment.
const pauseMost = 100 * time.Microsecond

// Pause separates events that would happen at the same moment in an undefined order. It waits for a time that depends
// on the source, the context's actor and the moment. If s is nil it returns at once.
func (s *Source) Pause(ctx context.Context) {
	if s == nil {
		return
	}
	name, _ := ctx.Value(actor{}).(string)
	time.Sleep(1 + NewSource(s.seed^uint64(time.Now().UnixNano()), name).Wait(pauseMost))
}

func (s *Source) draw() uint64 {
	if s == nil {
		return rand.Uint64()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.from.Uint64()
}
