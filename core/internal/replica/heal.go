package replica

import (
	"context"
	"errors"
)

// HealKey writes the session under a key, or its tombstone, to every node that should have it, if a copy is missing or
// stale. It reports whether it wrote anything. seen is the id of a node on which the key was seen. It is no error if
// the session is gone.
func (s *Store) HealKey(ctx context.Context, key, seen string) (healed bool, err error) {
	a := s.OpenKey(key, seen)
	if err := a.locate(ctx); err != nil {
		return false, err
	}
	// If the first write is a claim, the second one settles it.
	for range 2 {
		if err := a.Heal(ctx); err != nil && !errors.Is(err, ErrNoSession) {
			return a.healed, err
		}
		if !a.NeedsHeal() {
			break
		}
	}
	return a.healed, nil
}

// locate asks the node on which the key was seen, and goes on at the home that its copy names. Most of the time the
// node is the home itself, or its copy is all that is needed to find the home. Without this every node would be asked
// for every key.
func (a *Access) locate(ctx context.Context) error {
	n, known := a.store.Cluster.Node(a.node)
	if !known {
		return nil
	}
	got := a.ask(ctx, n, false)
	if err := a.note(n, got); err != nil || got.Rec == nil {
		return err
	}
	if a.trusted(n, got.CopyState) {
		a.looks.decision = a.fast(n, append(a.looks.room[:0], got.CopyState))
	}
	a.node = got.Rec.Home
	return nil
}
