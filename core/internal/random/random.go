// Package random gives what need not be secret its randomness: ids of writes and locks, epochs, and how long to wait. A
// simulation has sources of its own, one for each actor, so that it replays exactly.
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

// actor is the key in a context of who acts.
type actor struct{}

// As returns a context for what the actor of that name does, see Pause; ctx itself if s is nil.
func (s *Source) As(ctx context.Context, name ...string) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, actor{}, strings.Join(name, " "))
}

// pauseMost is short beside everything that a simulation measures, and long beside its unit, a nanosecond, so that hardly
// ever two pauses that begin at one moment end at one.
const pauseMost = 100 * time.Microsecond

// Pause keeps apart what would happen at one moment, whose order nothing decides: it waits for a time that follows from
// the source, the context's actor and the moment. It returns at once if s is nil.
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
