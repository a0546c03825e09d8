package replica

import (
	"bytes"
	"context"
	"fmt"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// Nodes may take items of different sizes (memcached -I). A node that does not take items of a session's size gets no
// copy of it. Loads still ask it, because the session may have grown since it was there. If too few nodes take a
// changed session, the change is refused.

// placeable reports whether a copy of what this access writes may go to the node.
func (a *Access) placeable(n *node.Node) bool { return a.usable(n) && n.Takes(a.size) }

// fits returns ErrTooLarge if a session has become too large for as many nodes as are to have it. A node that does not
// answer may take it: being away is no reason to refuse a change.
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

// undo takes back what the attempt has stored before a node refused its size: each node gets what it had before
// (rule W14). If someone has seen the attempt by then, or a node fails, the attempt may still become the session's
// newest state. The next attempt looks at the nodes again.
func (w *write) undo(ctx context.Context, lay layout) {
	for _, n := range append(lay.backups, lay.home) {
		item, err := n.Get(ctx, w.access.key)
		if err != nil || !bytes.Equal(item.Value, w.value) {
			continue
		}
		before := w.found.rec
		if _, had := before.Copy(n.ID()); had && before.Version > 0 {
			was := memcache.Item{Value: before.Append(nil), Flags: record.FormatVersion, Token: item.Token}
			_ = n.CompareAndSwap(ctx, w.access.key, was, before.TTL(w.access.store.Clock()))
			continue
		}
		_ = remove(ctx, n, w.access.key, item.Token)
	}
}
