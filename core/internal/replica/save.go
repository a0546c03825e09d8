package replica

import (
	"bytes"
	"context"
	"fmt"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// save makes one attempt to write next on every copy. limit says whether Config.MaxSize applies (rule W13).
func (a *Access) save(ctx context.Context, f *quorum.Decision, next *record.Record, limit bool) (outcome, error) {
	a.rehome(f, next)
	home, known := a.store.Cluster.Node(f.Home)
	if !known || !a.usable(home) {
		return homeFailed, nil
	}
	lay := a.layout(f, home, next)
	lay.putFirst(f.First)
	if lay.claim && !f.Claim {
		next.Term++
	}
	if next.Term > f.Rec.Term && f.Rec.Version > 0 {
		next.EndTerm(f.Rec.Rank())
	}
	lay.putLast(next, f.Seen)
	next.Outlasts(f.Rec, a.store.Clock())
	next.Unsettled = lay.claim && len(lay.backups) > 0
	next.Copies = lay.copies()
	if next.Tombstone && !f.Rec.Tombstone {
		next.Deadline, next.IdleTimeout = a.tombstoneEnd(next), 0
	}
	w := &write{access: a, found: f, next: next, value: next.Append(nil), ttl: next.TTL(a.store.Clock()), claim: lay.claim}
	if limit && a.store.MaxSize > 0 && len(w.value) > a.store.MaxSize {
		return done, fmt.Errorf("%w: %d bytes encoded, the limit is %d", ErrTooLarge, len(w.value), a.store.MaxSize)
	}
	a.size = max(a.size, len(w.value))
	owed := a.store.hints.newest()
	out, err := w.run(ctx, lay)
	switch {
	case out == outgrown:
		w.undo(ctx, lay)
	case out != done || err != nil:
		a.strewn = append(a.strewn, w.nodes(lay)[:w.reached]...)
	default:
		w.settle(lay, owed)
		a.clear(ctx, next)
		a.written(lay)
	}
	return out, err
}

// settle removes the hints, up to the one of that number, for the nodes that have the record now (rule H4).
func (w *write) settle(lay layout, owed uint64) {
	if owed == 0 {
		return
	}
	for _, n := range w.nodes(lay) {
		w.access.store.hints.settle(n, w.access.key, owed)
	}
}

// written follows a write that is on every node of its layout. If these are too few, it gives hints for the nodes that
// are away, so that the first one that is back gets a copy.
func (a *Access) written(lay layout) {
	if len(lay.backups) >= a.store.backups() {
		return
	}
	a.store.underReplicated.Add(1)
	for _, m := range a.store.Cluster.Members() {
		if !a.usable(m.Node) {
			a.without(m.Node)
		}
	}
}

// clear removes the copies on backups that the session has left, once it is stored without them.
func (a *Access) clear(ctx context.Context, newest *record.Record) {
	for _, n := range a.left {
		err := a.store.replace(ctx, n, a.key, newest, func(token uint64) error { return remove(ctx, n, a.key, token) })
		if err != nil {
			a.without(n)
		}
	}
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
		before := w.found.Rec
		if _, had := before.Copy(n.ID()); had && before.Version > 0 {
			was := node.Item{Value: before.Append(nil), Flags: record.FormatVersion, Token: item.Token}
			_ = n.CompareAndSwap(ctx, w.access.key, was, before.TTL(w.access.store.Clock()))
			continue
		}
		_ = remove(ctx, n, w.access.key, item.Token)
	}
}
