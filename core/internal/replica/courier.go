package replica

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
)

const (
	// couriers is how many sessions are brought to a node at the same time.
	couriers = 4
	// deliveries is how many sessions are brought in a second, if the nodes answer fast; see package pace.
	deliveries = 2000
)

// Courier brings nodes what they are owed (see Store.Owed) as soon as they are back. It is safe for concurrent use.
type Courier struct {
	store *Store
	wake  chan struct{}

	mu   sync.Mutex
	back map[*node.Node]bool // nodes that have answered since Run took them
}

// NewCourier returns a courier for a store.
func NewCourier(s *Store) *Courier {
	return &Courier{store: s, wake: make(chan struct{}, 1), back: make(map[*node.Node]bool)}
}

// Look tells the courier that the node has just answered. It does not block, because the node's prober calls it.
func (c *Courier) Look(n *node.Node) {
	if c.store.hints.any.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back[n] = true
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run brings nodes what they are owed until ctx ends.
func (c *Courier) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		for n := c.next(); n != nil && ctx.Err() == nil; n = c.next() {
			c.deliver(ctx, n)
		}
	}
}

// next takes out the node with the lowest id; nil: there is none.
func (c *Courier) next() (n *node.Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for candidate := range c.back {
		if n == nil || candidate.ID() < n.ID() {
			n = candidate
		}
	}
	delete(c.back, n)
	return n
}

// deliver brings a node what it is owed (rule H8). It ends early if the node fails, and is called again when the node
// answers again.
func (c *Courier) deliver(ctx context.Context, n *node.Node) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := pace.New(deliveries)
	for keys := range slices.Chunk(c.store.Owed(n), p.Portion()) {
		if p.Wait(ctx, len(keys)) != nil {
			return
		}
		began := time.Now()
		c.portion(ctx, stop, n, keys)
		p.Took(time.Since(began), len(keys))
	}
}

// portion delivers some sessions, a few at a time. It calls stop when the node does not answer, so that no others follow.
// What is wrong with one session alone, such as a record of a newer format, does not stop the others.
func (c *Courier) portion(ctx context.Context, stop func(), n *node.Node, keys []string) {
	next := make(chan string)
	var all sync.WaitGroup
	for range min(couriers, len(keys)) {
		all.Go(func() {
			for key := range next {
				_ = c.store.Deliver(c.store.Random.As(ctx, "owed to", n.ID(), key), n, key) // what fails stays owed
				if !n.Available() {
					stop()
				}
			}
		})
	}
	for _, key := range keys {
		select {
		case next <- key:
		case <-ctx.Done():
		}
	}
	close(next)
	all.Wait()
}

// Deliver brings a node what it is owed of one session: it writes the newest record over an older copy, and gives the
// session the copies that it lacks. After an error the node goes on being owed it (rule H6).
func (s *Store) Deliver(ctx context.Context, at *node.Node, key string) error {
	number := s.hints.number(at, key)
	a := s.OpenKey(key, at.ID())
	a.looks.readAll = true
	d, err := a.look(ctx)
	if errors.Is(err, ErrNoSession) {
		s.hints.settle(at, key, number)
		return nil
	}
	if err != nil {
		return err
	}
	rec, over := d.Rec, d.Rec.Expired(s.Clock())
	// If the first write is a claim, the second one settles it.
	for try := 0; try < 2 && !over && (d.Claim || rec.Unsettled || s.copyMissing(rec) || d.Uneven()); try++ {
		a.looks.decision = d
		if rec, err = a.Write(ctx, nil); rec == nil {
			return unlessGone(err)
		}
		if d, err = a.look(ctx); err != nil {
			return unlessGone(err)
		}
		rec = d.Rec
	}
	if _, has := rec.Copy(at.ID()); !has || over { // an older copy may have longer to live
		if err := s.cover(ctx, at, key, rec); err != nil {
			return err
		}
	}
	s.hints.settle(at, key, number)
	return nil
}
