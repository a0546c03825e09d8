package replica

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// Nodes may take items of different sizes (memcached -I). One that does not take a session is no place for its copies, as if it
// were not there; but it is asked, for a session may have grown since. With too few other places a change is refused.

// placeable: a copy of what this access writes may go to the node.
func (a *Access) placeable(n *node.Node) bool { return a.usable(n) && n.Takes(a.size) }

// fits refuses a change of a session that has become too large for as many nodes as are to have it. Those that do not answer
// may take it: that they are away is no reason.
func (a *Access) fits() error {
	left := 0
	for _, m := range a.store.Cluster.Members() {
		if m.Node.Takes(a.size) {
			left++
		}
	}
	if all := len(a.store.Cluster.Members()); left <= a.store.backups() {
		return fmt.Errorf("%w: %d bytes; %d of %d nodes take items of that size (memcached -I)", ErrTooLarge, a.size, left, all)
	}
	return nil
}

// roomier makes the write a claim for another home, if that does not take the session.
func (a *Access) roomier(f *found, next *record.Record) {
	home, known := a.store.Cluster.Node(f.home)
	if !known || home.Takes(a.size) {
		return
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if a.placeable(n) {
			if !f.claim {
				f.term, f.claim = f.term+1, true
			}
			f.home = n.ID()
			next.Home, next.Term = f.home, f.term
			return
		}
	}
}

// undo takes back what the attempt has stored before a node refused its size: there is what was there before. If it is seen by
// then, or a node fails, the attempt may go on to be the session's newest state; the next one looks.
func (w *write) undo(ctx context.Context, lay layout) {
	for _, n := range append(lay.backups, lay.home) {
		item, err := n.Get(ctx, w.access.key)
		if err != nil || !bytes.Equal(item.Value, w.value) {
			continue
		}
		before := w.found.rec
		if _, had := before.Copy(n.ID()); had && before.Version > 0 {
			was := node.Item{Value: before.Append(nil), Flags: record.FormatVersion, Token: item.Token}
			_ = n.CompareAndSwap(ctx, w.access.key, was, before.TTL(w.access.store.Clock()))
			continue
		}
		_ = remove(ctx, n, w.access.key, item.Token)
	}
}

// clear removes older copies from nodes that have become too small for the session: an id that names one finds nothing there,
// and looks elsewhere.
func (a *Access) clear(ctx context.Context, newest *record.Record) {
	for _, n := range a.cramped {
		if err := a.store.cover(ctx, n, a.key, newest); err != nil {
			a.without(n)
		}
	}
}

// remove takes away what a node has, if it is still what was seen.
func remove(ctx context.Context, n *node.Node, key string, token uint64) error {
	return n.CompareAndSwap(ctx, key, node.Item{Token: token}, -time.Second)
}
