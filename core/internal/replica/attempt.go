package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// outcome is how one attempt to write all copies ended.
type outcome int

const (
	done       outcome = iota
	conflict           // someone else wrote: load again and apply the change to what they wrote
	retry              // a backup failed, or the session had to move first: look again, and write without that node
	homeFailed         // the home failed: another node must become it
	outgrown           // a node does not take items of that size
)

// attempt is one attempt to store a record on all nodes of a placement.
type attempt struct {
	access *Access
	base   *quorum.Decision // that the record was made from
	next   *record.Record
	value  []byte // next, encoded once: every copy has the same bytes
	ttl    time.Duration
	to     placement

	reached int // how many nodes have it
}

// run writes in the order that a plain write or a claim needs (rules W1, W2 and W3).
func (w *attempt) run(ctx context.Context) (outcome, error) {
	first, others := w.to.backups[:w.to.first], w.to.backups[w.to.first:]
	if out, err := w.backups(ctx, first); out != done || err != nil {
		return out, err
	}
	if w.to.claim {
		if out, err := w.home(ctx, w.to.home); out != done || err != nil {
			return out, err
		}
		return w.backups(ctx, others)
	}
	if out, err := w.backups(ctx, others); out != done || err != nil {
		return out, err
	}
	return w.home(ctx, w.to.home)
}

func (w *attempt) home(ctx context.Context, n *node.Node) (outcome, error) {
	c, _ := w.base.Seen.Of(n.ID())
	// The node may have restarted since its last probe, so that the token belongs to another value by now. A plain
	// write would have met a conflict on a backup before. A claim has written no backup yet, so it has the node's epoch
	// read again, which storeOn compares.
	if w.to.claim && c.Token != 0 {
		if _, _, err := n.GetWithEpoch(ctx, w.access.key); err != nil && !errors.Is(err, memcache.ErrMiss) {
			_, over := w.failed(ctx, n, err)
			return homeFailed, over
		}
	}
	out, err := w.storeOn(ctx, n, c)
	if out == retry {
		out = homeFailed
	}
	return out, err
}

func (w *attempt) backups(ctx context.Context, list []*node.Node) (outcome, error) {
	for _, n := range list {
		if out, err := w.backup(ctx, n); out != done || err != nil {
			return out, err
		}
	}
	return done, nil
}

func (w *attempt) backup(ctx context.Context, n *node.Node) (outcome, error) {
	if c, seen := w.base.Seen.Of(n.ID()); seen {
		return w.storeOn(ctx, n, c)
	}
	item, there, err := peek(ctx, n, w.access.key)
	switch {
	case errors.Is(err, memcache.ErrMiss):
		if _, named := w.base.Rec.Copy(n.ID()); named && !w.to.claim {
			return conflict, nil // it had a copy: maybe all copies are gone, and after them a tombstone
		}
	case errors.Is(err, record.ErrFormat) && w.access.op.kind == ending:
		return conflict, nil // the next attempt reads it, and goes over it
	case errors.Is(err, record.ErrFormat):
		return done, fmt.Errorf("%w: %w", ErrUnreadable, err)
	case err != nil:
		return w.failed(ctx, n, err)
	case w.outranked(there):
		return conflict, nil
	}
	return w.storeOn(ctx, n, quorum.CopyState{Token: item.Token, Epoch: n.Epoch()})
}

// outranked reports whether the backup has something that this attempt does not know of (rule W6).
func (w *attempt) outranked(there record.Rank) bool {
	if w.to.claim {
		return !there.Before(w.next.Rank()) || w.next.Misses(there)
	}
	return there.Beyond(w.base.Rec.Rank())
}

// storeOn stores the record on one node, if the node still has what was seen there (rule W5).
func (w *attempt) storeOn(ctx context.Context, n *node.Node, seen quorum.CopyState) (outcome, error) {
	if seen.Outlived(n.Epoch()) {
		return conflict, nil
	}
	item := memcache.Item{Value: w.value, Flags: record.FormatVersion, Token: seen.Token}
	var err error
	if seen.Token == 0 {
		err = n.Add(ctx, w.access.key, item, w.ttl)
	} else {
		err = n.CompareAndSwap(ctx, w.access.key, item, w.ttl)
	}
	switch {
	case errors.Is(err, memcache.ErrConflict), errors.Is(err, memcache.ErrExists), errors.Is(err, memcache.ErrMiss):
		return conflict, nil
	case errors.Is(err, memcache.ErrTooLarge):
		return outgrown, nil
	}
	if w.access.op.earliest == 0 {
		w.access.op.earliest = w.next.Version
	}
	if err == nil {
		w.reached++
		return done, nil
	}
	return w.failed(ctx, n, err)
}

// failed records that a node has failed, unless the error ends the request (rule W8).
func (w *attempt) failed(ctx context.Context, n *node.Node, err error) (outcome, error) {
	why, over := failed(ctx, n, err)
	if why != nil {
		if !w.onlyAt(n) {
			w.access.skip(n)
		}
		w.access.fail(n, why)
	}
	return retry, over
}

// onlyAt reports whether the node misses nothing if the write fails there, because the session lies on this node alone
// and the attempt has got nowhere. If the session is written elsewhere after that, save gives the hint. A needless one
// would have the only copy that there is not believed.
func (w *attempt) onlyAt(n *node.Node) bool {
	return w.reached == 0 && len(w.base.Rec.Copies) == 1 && n.ID() == w.base.Rec.Home
}
