package nodetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// Errors of faulty servers.
var (
	ErrOff  = errors.New("connection refused")
	ErrLost = error(lost{})
	ErrFull = memcache.ErrFull
	// ErrDamaged is for a read that was done. The caller gets no error, but values that were damaged on their way.
	ErrDamaged = errors.New("the values are damaged")
)

// lost is the error of an operation that has timed out. Like an error of package net it has a method Timeout.
type lost struct{}

func (lost) Error() string { return "i/o timeout" }
func (lost) Timeout() bool { return true }

// Fault decides what happens to an operation. It calls do at once, later or never, and its result is what the caller
// sees. A fault that waits must end when ctx ends.
type Fault func(ctx context.Context, op Op, do func() error) error

// failing is embedded in what may have a fault.
type failing struct {
	guard sync.Mutex
	fault Fault
}

// Fail sets the fault from the next operation on, and returns the former one; nil means that there is no fault.
func (f *failing) Fail(fault Fault) (before Fault) {
	f.guard.Lock()
	defer f.guard.Unlock()
	before, f.fault = f.fault, fault
	return before
}

func (f *failing) meet(ctx context.Context, op Op, do func() error) error {
	f.guard.Lock()
	fault := f.fault
	f.guard.Unlock()
	if fault == nil {
		return do()
	}
	return fault(ctx, op, do)
}

// Refuse does not perform operations. It returns err, such as ErrOff.
func Refuse(err error) Fault {
	return func(context.Context, Op, func() error) error { return err }
}

// Slow performs each operation after the given delay, which the end of ctx does not shorten.
func Slow(by time.Duration) Fault {
	return func(_ context.Context, _ Op, do func() error) error {
		time.Sleep(by)
		return do()
	}
}

// Mute performs operations, but the answers of the next n get lost.
func Mute(n int) Fault {
	var done atomic.Int64
	return func(_ context.Context, _ Op, do func() error) error {
		err := do()
		if done.Add(1) <= int64(n) {
			return ErrLost
		}
		return err
	}
}

// Damage performs operations, but damages the values that the next n reads return.
func Damage(n int) Fault {
	var done atomic.Int64
	return func(_ context.Context, op Op, do func() error) error {
		if err := do(); err != nil || op.Write() || done.Add(1) > int64(n) {
			return err
		}
		return ErrDamaged
	}
}

// Lossy performs operations, and loses a share of the answers, from 0 to 1. It draws from a source that nothing else
// may use.
func Lossy(share float64, from *rand.Rand) Fault {
	var mu sync.Mutex
	return func(_ context.Context, _ Op, do func() error) error {
		err := do()
		mu.Lock()
		defer mu.Unlock()
		if from.Float64() < share {
			return ErrLost
		}
		return err
	}
}

// Full refuses to store anything: the server is out of memory.
func Full() Fault { return Only(Writes(""), Refuse(ErrFull)) }

// Only limits a fault to the operations that such chooses.
func Only(such func(Op) bool, fault Fault) Fault {
	return func(ctx context.Context, op Op, do func() error) error {
		if !such(op) {
			return do()
		}
		return fault(ctx, op, do)
	}
}

// Once has no fault, but calls f before the first operation that such chooses.
func Once(such func(Op) bool, f func()) Fault {
	var called atomic.Bool
	return func(_ context.Context, op Op, do func() error) error {
		if such(op) && called.CompareAndSwap(false, true) {
			f()
		}
		return do()
	}
}
