package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// outcome is how one attempt to write all copies ended.
type outcome int

const (
	done       outcome = iota
	conflict           // someone else wrote: load again and apply the change to what they wrote
	again              // a backup failed: write the same without it
	homeFailed         // the home failed: another node must become it
	outgrown           // a node does not take items of that size: see sizes.go
)

// layout is where a write puts the copies.
type layout struct {
	home    *node.Node
	backups []*node.Node
	claim   bool // the copies are to lie elsewhere than they do, or the write begins a new term
	first   int  // how many backups, none or one, are written before all others; see putFirst
}

// putFirst makes the node of that id, if it is among the backups, the one that is written before all others (rule W3).
// It is the home that the session leaves although it answers. A writer that has not heard of this claim writes there at
// the same time. So the two meet on that node, and the one that comes too late fails there.
func (l *layout) putFirst(id string) {
	for i, n := range l.backups {
		if n.ID() == id {
			l.backups[0], l.backups[i] = n, l.backups[0]
			l.first = 1
		}
	}
}

// putLast has a claim written last on the backups that have an attempt which the claim misses (rule W2). The attempt was
// passed over because another of its nodes does not have it. It may still get there; then the claim meets it there before
// anything is written over it.
func (l layout) putLast(claim *record.Record, seen sightings) {
	if !l.claim || len(l.backups)-l.first < 2 {
		return
	}
	misses := func(n *node.Node) int {
		if s, _ := seen.of(n.ID()); s.rec != nil && claim.Misses(s.rec.Rank()) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(l.backups[l.first:], func(x, y *node.Node) int { return misses(x) - misses(y) })
}

// save makes one attempt to write next on every copy. limit says whether Config.MaxSize applies (rule W13).
func (a *Access) save(ctx context.Context, f *found, next *record.Record, limit bool) (outcome, error) {
	a.rehome(f, next)
	home, known := a.store.Cluster.Node(f.home)
	if !known || !a.usable(home) {
		return homeFailed, nil
	}
	lay := a.layout(f, home, next)
	lay.putFirst(f.first)
	if lay.claim && !f.claim {
		next.Term++
	}
	if next.Term > f.rec.Term && f.rec.Version > 0 {
		next.EndTerm(f.rec.Rank())
	}
	lay.putLast(next, f.seen)
	next.Outlasts(f.rec, a.store.Clock())
	next.Unsettled = lay.claim && len(lay.backups) > 0
	next.Copies = lay.copies()
	if next.Tombstone && !f.rec.Tombstone {
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

// layout decides where a write puts the copies (rule W4). It keeps the backups that the record names, even if a better
// ranked node has come back. Only a backup that does not answer, or that the session leaves (see leave.go), is
// replaced.
func (a *Access) layout(f *found, home *node.Node, next *record.Record) layout {
	want := a.wanted(next)
	lay := layout{home: home, backups: a.places[:0], claim: f.claim}
	a.left = nil
	for _, c := range f.rec.Copies {
		if c.Node == home.ID() {
			continue
		}
		n, known := a.store.Cluster.Node(c.Node)
		switch {
		case known && !a.usable(n):
			a.without(n)
		case known && !a.leaves(n, 1+want):
			lay.backups = append(lay.backups, n)
			continue
		case known && c.Node == f.rec.Home && n.Takes(next.Size()): // see putFirst
			lay.backups = append(lay.backups, n)
			continue
		case known:
			a.left = append(a.left, n)
		default:
			a.store.moved.add(a.key)
			a.store.strangers.add(c)
		}
		lay.claim = true
	}
	if len(lay.backups) >= want {
		return lay
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if len(lay.backups) < want && n != home && a.placeable(n) && !slices.Contains(lay.backups, n) {
			lay.backups = append(lay.backups, n)
			lay.claim = true
		}
	}
	return lay
}

// wanted returns how many backups a record should have. A session without backups leaves an old copy behind each time
// it moves. Its tombstone goes over all nodes, so that no old copy is believed when the node of the tombstone is gone
// (rule W19).
func (a *Access) wanted(next *record.Record) int {
	if next.Tombstone && a.store.Backups == 0 {
		return min(len(a.store.Cluster.Members()), record.MaxCopies) - 1
	}
	return a.store.backups()
}

// copies returns what a record says of the layout: each node with its present epoch.
func (l layout) copies() []record.Copy {
	copies := make([]record.Copy, 0, 1+len(l.backups))
	copies = append(copies, record.Copy{Node: l.home.ID(), Epoch: l.home.Epoch()})
	for _, b := range l.backups {
		copies = append(copies, record.Copy{Node: b.ID(), Epoch: b.Epoch()})
	}
	return copies
}

// tombstoneMargin is how much longer a tombstone lasts than the session would have: as much as clocks may differ, and
// some time for a write that began before the end.
const tombstoneMargin = time.Minute

// tombstoneEnd returns until when a tombstone has to last (rule W20). Stale copies may lie on nodes that someone had to
// do without, instances may hold the session in memory, and handlers that began before the logout may still run. The
// tombstone must outlive them all.
func (a *Access) tombstoneEnd(next *record.Record) time.Time {
	end := a.store.Clock().Add(next.Idle()).Add(next.Idle()/20 + tombstoneMargin) // one by one they do not overflow
	if next.OldUntil.After(end) {
		return next.OldUntil.Add(tombstoneMargin)
	}
	return end
}

// write is one attempt to store a record on all nodes of a layout.
type write struct {
	access *Access
	found  *found
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
	s, _ := w.found.seen.of(n.ID())
	// The node may have restarted since its last probe, so that the token belongs to another value by now. A plain
	// write would have met a conflict on a backup before. A claim has written no backup yet, so it has the node's epoch
	// read again, which put compares.
	if w.claim && s.token != 0 {
		if _, _, err := n.GetWithEpoch(ctx, w.access.key); err != nil && !errors.Is(err, memcache.ErrMiss) {
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
	if s, seen := w.found.seen.of(n.ID()); seen {
		return w.put(ctx, n, s)
	}
	item, there, err := peek(ctx, n, w.access.key)
	switch {
	case errors.Is(err, memcache.ErrMiss):
		if _, named := w.found.rec.Copy(n.ID()); named && !w.claim {
			return conflict, nil // it had a copy: maybe all copies are gone, and after them a tombstone
		}
	case errors.Is(err, record.ErrFormat):
		return done, fmt.Errorf("%w: %w", ErrUnreadable, err)
	case err != nil:
		return w.failed(ctx, n, err)
	case w.outranked(there):
		return conflict, nil
	}
	return w.put(ctx, n, sighting{token: item.Token, epoch: n.Epoch()})
}

// outranked reports whether the backup has something that this attempt does not know of (rule W6).
func (w *write) outranked(there record.Rank) bool {
	if w.claim {
		return !there.Before(w.next.Rank()) || w.next.Misses(there)
	}
	return there.Beyond(w.found.rec.Rank())
}

// put stores the record on one node, if the node still has what was seen there (rule W5).
func (w *write) put(ctx context.Context, n *node.Node, seen sighting) (outcome, error) {
	if seen.outlived(n) {
		return conflict, nil
	}
	item := memcache.Item{Value: w.value, Flags: record.FormatVersion, Token: seen.token}
	var err error
	if seen.token == 0 {
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
	return w.reached == 0 && len(w.found.rec.Copies) == 1 && n.ID() == w.found.rec.Home
}
