package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// outcome is how one attempt to write all copies ended.
type outcome int

const (
	done       outcome = iota
	conflict           // someone else wrote: load again and apply the change to what they wrote
	again              // a backup failed: write the same without it
	homeFailed         // the home failed: another node must become it
	outgrown           // a node does not take items of that size
)

// write is one attempt to store a record on all nodes of a layout.
type write struct {
	access *Access
	found  *quorum.Decision
	next   *record.Record
	value  []byte // next, encoded once: every copy has the same bytes
	ttl    time.Duration
	claim  bool

	reached int // how many nodes have it
}

// run writes in the order that a plain write or a claim needs (rules W1, W2 and W3).
func (w *write) run(ctx context.Context, lay layout) (outcome, error) {
	first, others := lay.backups[:lay.first], lay.backups[lay.first:]
	if out, err := w.backups(ctx, first); out != done || err != nil {
		return out, err
	}
	if w.claim {
		if out, err := w.home(ctx, lay.home); out != done || err != nil {
			return out, err
		}
		return w.backups(ctx, others)
	}
	if out, err := w.backups(ctx, others); out != done || err != nil {
		return out, err
	}
	return w.home(ctx, lay.home)
}

// nodes returns the nodes of a layout in that order.
func (w *write) nodes(lay layout) []*node.Node {
	at := len(lay.backups)
	if w.claim {
		at = lay.first
	}
	return slices.Insert(slices.Clone(lay.backups), at, lay.home)
}

func (w *write) home(ctx context.Context, n *node.Node) (outcome, error) {
	s, _ := w.found.Seen.Of(n.ID())
	// The node may have restarted since its last probe, so that the token belongs to another value by now. A plain
	// write would have met a conflict on a backup before. A claim has written no backup yet, so it has the node's epoch
	// read again, which put compares.
	if w.claim && s.Token != 0 {
		if _, _, err := n.GetWithEpoch(ctx, w.access.key); err != nil && !errors.Is(err, node.ErrMiss) {
			_, over := w.failed(ctx, n, err)
			return homeFailed, over
		}
	}
	out, err := w.put(ctx, n, s)
	if out == again {
		out = homeFailed
	}
	return out, err
}

func (w *write) backups(ctx context.Context, list []*node.Node) (outcome, error) {
	for _, n := range list {
		if out, err := w.backup(ctx, n); out != done || err != nil {
			return out, err
		}
	}
	return done, nil
}

func (w *write) backup(ctx context.Context, n *node.Node) (outcome, error) {
	if s, seen := w.found.Seen.Of(n.ID()); seen {
		return w.put(ctx, n, s)
	}
	item, there, err := peek(ctx, n, w.access.key)
	switch {
	case errors.Is(err, node.ErrMiss):
		if _, named := w.found.Rec.Copy(n.ID()); named && !w.claim {
			return conflict, nil // it had a copy: maybe all copies are gone, and after them a tombstone
		}
	case errors.Is(err, record.ErrFormat):
		return done, fmt.Errorf("%w: %w", ErrUnreadable, err)
	case err != nil:
		return w.failed(ctx, n, err)
	case w.outranked(there):
		return conflict, nil
	}
	return w.put(ctx, n, quorum.CopyState{Token: item.Token, Epoch: n.Epoch()})
}

// outranked reports whether the backup has something that this attempt does not know of (rule W6).
func (w *write) outranked(there record.Rank) bool {
	if w.claim {
		return !there.Before(w.next.Rank()) || w.next.Misses(there)
	}
	return there.Beyond(w.found.Rec.Rank())
}

// put stores the record on one node, if the node still has what was seen there (rule W5).
func (w *write) put(ctx context.Context, n *node.Node, seen quorum.CopyState) (outcome, error) {
	if seen.Outlived(n.Epoch()) {
		return conflict, nil
	}
	item := node.Item{Value: w.value, Flags: record.FormatVersion, Token: seen.Token}
	var err error
	if seen.Token == 0 {
		err = n.Add(ctx, w.access.key, item, w.ttl)
	} else {
		err = n.CompareAndSwap(ctx, w.access.key, item, w.ttl)
	}
	switch {
	case errors.Is(err, node.ErrConflict), errors.Is(err, node.ErrExists), errors.Is(err, node.ErrMiss):
		return conflict, nil
	case errors.Is(err, node.ErrTooLarge):
		return outgrown, nil
	}
	if w.access.sown == 0 {
		w.access.sown = w.next.Version
	}
	if err == nil {
		w.reached++
		return done, nil
	}
	return w.failed(ctx, n, err)
}

// failed records that a node has failed, unless the error ends the request (rule W8).
func (w *write) failed(ctx context.Context, n *node.Node, err error) (outcome, error) {
	why, over := failed(ctx, n, err)
	if why != nil {
		if !w.onlyAt(n) {
			w.access.without(n)
		}
		w.access.fail(n.ID(), why)
	}
	return again, over
}

// onlyAt reports whether the node misses nothing if the write fails there, because the session lies on this node alone
// and the attempt has got nowhere. If the session is written elsewhere after that, layout gives the hint. A needless one
// would have the only copy that there is not believed.
func (w *write) onlyAt(n *node.Node) bool {
	return w.reached == 0 && len(w.found.Rec.Copies) == 1 && n.ID() == w.found.Rec.Home
}
