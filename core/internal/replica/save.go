package replica

import (
	"bytes"
	"context"
	"fmt"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// save makes one attempt to write next on every copy. limit says whether Config.MaxSize applies (rule W13).
func (a *Access) save(ctx context.Context, d *quorum.Decision, next *record.Record, limit bool) (outcome, error) {
	if n := a.newHome(d.Home); n != nil {
		d.Move(n.ID())
		next.Home, next.Term = d.Home, d.Term
	}
	home, usable := a.usableNode(d.Home)
	if !usable {
		return homeFailed, nil
	}
	to := a.place(d, home, next)
	for _, n := range to.away {
		a.skip(n)
	}
	for _, c := range to.strange {
		a.store.moved.add(a.key)
		a.store.strangers.add(c)
	}
	a.complete(&to, d, next)
	w := &attempt{access: a, base: d, next: next, value: a.encode(next), ttl: next.TTL(a.store.Clock()), to: to}
	if limit && a.store.MaxSize > 0 && len(w.value) > a.store.MaxSize {
		return done, fmt.Errorf("%w: %d bytes encoded, the limit is %d", ErrTooLarge, len(w.value), a.store.MaxSize)
	}
	a.op.grow(len(w.value))
	owed := a.store.hints.newest()
	out, err := w.run(ctx)
	switch {
	case out == outgrown:
		w.undo(ctx)
	case out != done || err != nil:
		a.op.touched = append(a.op.touched, to.nodes()[:w.reached]...)
	default:
		w.settle(owed)
		w.clear(ctx)
		w.shortfall()
	}
	return out, err
}

// complete gives the record all that depends on where it goes, and puts the nodes into the order in which they are
// written.
func (a *Access) complete(to *placement, d *quorum.Decision, next *record.Record) {
	if to.claim && !d.Claim {
		next.Term++
	}
	if next.Term > d.Rec.Term && d.Rec.Version > 0 {
		next.EndTerm(d.Rec.Rank())
	}
	to.putFirst(d.WriteFirst)
	to.putLast(next, d.Seen)
	next.Outlasts(d.Rec, a.store.Clock())
	next.Unsettled = to.claim && len(to.backups) > 0
	next.Copies = to.copies()
	if next.Tombstone && !d.Rec.Tombstone {
		next.Deadline, next.IdleTimeout = a.tombstoneEnd(next), 0
	}
}

// settle removes the hints, up to the one of that number, for the nodes that have the record now (rule H4).
func (w *attempt) settle(owed uint64) {
	if owed == 0 {
		return
	}
	for _, n := range w.to.nodes() {
		w.access.store.hints.settle(n, w.access.key, owed)
	}
}

// clear removes the copies on backups that the session has left, now that it is stored without them.
func (w *attempt) clear(ctx context.Context) {
	a := w.access
	for _, n := range w.to.left {
		err := a.store.replace(ctx, n, a.key, w.next, func(token uint64) error { return remove(ctx, n, a.key, token) })
		if err != nil {
			a.skip(n)
		}
	}
}

// shortfall gives hints for the nodes that are away if the record has too few copies, so that the first one that is back
// gets one.
func (w *attempt) shortfall() {
	a := w.access
	if len(w.to.backups) >= a.store.backups() {
		return
	}
	a.store.UnderReplicated.Add(1)
	for _, m := range a.store.Cluster.Members() {
		if !a.usable(m.Node) {
			a.skip(m.Node)
		}
	}
}

// undo takes back what the attempt has stored before a node refused its size: each node gets what it had before
// (rule W14). If someone has seen the attempt by then, or a node fails, the attempt may still become the session's
// newest state. The next attempt looks at the nodes again.
func (w *attempt) undo(ctx context.Context) {
	for _, n := range append(w.to.backups, w.to.home) {
		item, err := n.Get(ctx, w.access.key)
		if err != nil || !bytes.Equal(item.Value, w.value) {
			continue
		}
		before := w.base.Rec
		if _, had := before.Copy(n.ID()); had && before.Version > 0 {
			was := memcache.Item{Value: w.access.encode(before), Flags: record.FormatVersion, Token: item.Token}
			_ = n.CompareAndSwap(ctx, w.access.key, was, before.TTL(w.access.store.Clock()))
			continue
		}
		_ = remove(ctx, n, w.access.key, item.Token)
	}
}
