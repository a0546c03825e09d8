package nodetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// What a faulty server answers.
var (
	ErrOff  = errors.New("connection refused")
	ErrLost = error(lost{})
	ErrFull = node.ErrFull
	// ErrDamaged is for a read that has been done: what its sender gets are values that were damaged on their way, and no error.
	ErrDamaged = errors.New("the values are damaged")
)

// lost is an operation whose time ran out, as the errors of package net say it.
type lost struct{}

func (lost) Error() string { return "i/o timeout" }
func (lost) Timeout() bool { return true }

// Fault decides what becomes of an operation: do has it happen, now, later, or never, and what the fault answers is what the
// sender sees. One that waits for something is to end with ctx.
type Fault func(ctx context.Context, op Op, do func() error) error

// failing is what may have a fault.
type failing struct {
	guard sync.Mutex
	fault Fault
}

// Fail gives it a fault, from the next operation on, and answers the one that it had; nil: it works.
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

// Refuse does nothing and answers err, such as ErrOff.
func Refuse(err error) Fault {
	return func(context.Context, Op, func() error) error { return err }
}

// Slow needs a time for each operation. It is not cut short by the end of ctx.
func Slow(by time.Duration) Fault {
	return func(_ context.Context, _ Op, do func() error) error {
		time.Sleep(by)
		return do()
	}
}

// Mute has the next n operations happen, and nobody hears of it.
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

// Damage has the values of the next n reads be damaged on their way.
func Damage(n int) Fault {
	var done atomic.Int64
	return func(_ context.Context, op Op, do func() error) error {
		if err := do(); err != nil || op.Write() || done.Add(1) > int64(n) {
			return err
		}
		return ErrDamaged
	}
}

// Lossy loses a share of the answers, from 0 to 1, as a source wants it, which nobody else may use.
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

// Full refuses what is to be stored.
func Full() Fault { return Only(Writes(""), Refuse(ErrFull)) }

// Only spares all other operations.
func Only(such func(Op) bool, fault Fault) Fault {
	return func(ctx context.Context, op Op, do func() error) error {
		if !such(op) {
			return do()
		}
		return fault(ctx, op, do)
	}
}

// Once calls f before the first such operation.
func Once(such func(Op) bool, f func()) Fault {
	var called atomic.Bool
	return func(_ context.Context, op Op, do func() error) error {
		if such(op) && called.CompareAndSwap(false, true) {
			f()
		}
		return do()
	}
}
