package replica

import (
	"bytes"
	"context"
	"fmt"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// Nodes may take items of different sizes (memcached -I). One that does not take a session is no place for its copies; but it is
// asked, for the session may have grown since. With too few other places a change is refused.

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
