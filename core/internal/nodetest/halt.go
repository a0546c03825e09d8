package nodetest

import (
	"context"
	"math/rand/v2"
	"sync"
)

// Halt stops a server. Operations hang until the server goes on or the caller gives up. All of them are performed when
// the server goes on, so a write may arrive late. The zero value is ready to use; it is safe for concurrent use.
type Halt struct {
	mu   sync.Mutex
	over bool
	held []func()
}

// Fault is a Fault: it holds operations until GoOn is called, and performs them at once from then on.
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

// Hold keeps do until the server goes on, and returns true. If the server goes on already, it returns false.
func (h *Halt) Hold(do func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.held = append(h.held, do)
	}
	return !h.over
}

// GoOn lets the server go on. It performs what was held, in a random order drawn from order.
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
