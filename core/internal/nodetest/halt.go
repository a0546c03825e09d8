package nodetest

import (
	"context"
	"math/rand/v2"
	"sync"
)

// Halt is what stops a server: what is sent to it hangs until the server goes on or its sender gives up. It happens all the
// same when the server goes on, so a write may land late. The zero value is ready; it is safe for concurrent use.
type Halt struct {
	mu   sync.Mutex
	over bool
	held []func()
}

// Fault is the Fault of a server that is stopped, and of one that goes on.
func (h *Halt) Fault(ctx context.Context, _ Op, do func() error) error {
	answer := make(chan error, 1)
	if !h.Hold(func() { answer <- do() }) {
		return do()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Hold keeps something until the server goes on. It is false if that is over.
func (h *Halt) Hold(do func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.held = append(h.held, do)
	}
	return !h.over
}

// GoOn has happen what was sent meanwhile, in an order that a source wants.
func (h *Halt) GoOn(order *rand.Rand) {
	h.mu.Lock()
	held := h.held
	h.over, h.held = true, nil
	h.mu.Unlock()
	order.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	for _, do := range held {
		do()
	}
}
