package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// Load finds the session's record, which the caller must not change. It returns ErrNoSession if there is none, or if it
// has expired or was destroyed; ErrUnavailable if the nodes that answer cannot tell; ErrUnreadable if a newer program
// wrote it, or all its copies are damaged; and what Write returns if it has to write.
//
// A record that was found by asking every node may be on one node only, or be a failed attempt. Load writes it to every
// copy before it returns it (rule C8).
func (a *Access) Load(ctx context.Context) (*record.Record, error) {
	f, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	a.found = f
	switch {
	case f.heal && (f.unsafe || f.rec.Tombstone):
		return a.Write(ctx, nil)
	case f.rec.Tombstone || f.rec.Expired(a.store.Clock()):
		return nil, a.gone(f.rec)
	}
	return f.rec, nil
}

// Peek returns what Load would find, and repairs nothing. The record may be a failed attempt, a tombstone or expired,
// so it is only good for comparisons.
func (a *Access) Peek(ctx context.Context) (*record.Record, error) {
	f, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	a.found = f
	return f.rec, nil
}

// look asks the nodes, and counts what the caller holds (see Keep) as one more copy.
func (a *Access) look(ctx context.Context) (*found, error) {
	a.store.loads.Add(1)
	a.store.awaitNode(ctx)
	a.seen, a.before = nil, FailuresOf(ctx)
	f, err := a.search(ctx)
	if (errors.Is(err, ErrUnavailable) || decided(err) && a.hasty()) && a.secondChance(ctx) {
		f, err = a.search(ctx)
	}
	if decided(err) && a.stalled() {
		err = a.unavailable(ErrUnavailable, "it is a moment only, in which this instance may have stood still")
	}
	if a.kept != nil {
		f, err = a.withKept(f, err)
	}
	if err == nil {
		a.met = f.rec
	}
	return f, err
}

// decided reports whether a look has a result: a record, or that there is no session.
func decided(err error) bool { return err == nil || errors.Is(err, ErrNoSession) }

// search asks the home, and then every node if the home's answer is not enough. An expired record is never enough,
// because a later use of the session may be stored elsewhere.
func (a *Access) search(ctx context.Context) (*found, error) {
	var seen sightings
	if home, known := a.store.Cluster.Node(a.node); known {
		answer := a.ask(ctx, home, false)
		if err := a.note(answer); err != nil {
			return nil, err
		}
		if answer.answered {
			seen = append(a.room[:0], answer.sighting)
			if !a.thorough && a.trusted(home, answer.rec) && !a.outdated(answer.rec) && !answer.rec.Expired(a.store.Clock()) {
				return a.confirmed(ctx, home, seen)
			}
		}
	}
	return a.full(ctx, seen)
}

// trusted reports whether the home's word is enough (rule C1): the record names the node as its home, was written in
// the node's present epoch, and this instance knows of no write of the session that the node has missed (see hints). An
// unsettled record is not enough. It is a claim, which may have got no further than its home, while others went on
// where the session was before.
func (a *Access) trusted(n *node.Node, rec *record.Record) bool {
	return rec != nil && rec.Home == n.ID() && !rec.Unsettled && inEpoch(rec, n) && !a.store.hints.has(n, a.key)
}

// confirmed returns what a trusted home has. If the node has just come back, or another instance owes it something, the
// other nodes are asked as well (rule C2). Most of the time none has anything newer.
func (a *Access) confirmed(ctx context.Context, home *node.Node, seen sightings) (*found, error) {
	if !home.Doubted() {
		return a.fast(home, seen), nil
	}
	own := seen[0].rec
	seen, err := a.askOthers(ctx, seen)
	if err != nil {
		return nil, err
	}
	for _, s := range seen[1:] {
		if s.rec != nil && s.rec.Term > own.Term {
			a.seen = seen
			return a.choose(seen)
		}
	}
	return a.fast(home, seen[:1]), nil
}

// fast returns what the home has, without asking anyone else.
func (a *Access) fast(home *node.Node, seen sightings) *found {
	rec := seen[0].rec
	f := &found{
		rec: rec, home: home.ID(), seen: seen, term: rec.Term, top: rec.Version,
		heal: a.misplaced(rec),
	}
	if a.behind(rec) {
		f.term, f.claim, f.heal = a.apart.Term+1, true, true
	}
	return f
}

// misplaced reports whether the record should have other copies than it has.
func (a *Access) misplaced(rec *record.Record) bool {
	return a.copyMissing(rec) || a.serves && a.store.astray(rec)
}

// copyMissing reports whether a backup is down, has lost its values or is not in the list, or whether there could be
// one more copy (rule H1).
func (a *Access) copyMissing(rec *record.Record) bool {
	for _, c := range rec.Copies {
		if c.Node == rec.Home {
			continue
		}
		n, known := a.store.Cluster.Node(c.Node)
		if !known || !n.Available() || n.Epoch() != c.Epoch {
			return true
		}
	}
	return len(rec.Copies) <= a.store.backups() && a.store.spareNode(rec)
}

// spareNode reports whether a node that could take one more copy is available.
func (s *Store) spareNode(rec *record.Record) bool {
	for _, m := range s.Cluster.Members() {
		if _, named := rec.Copy(m.Node.ID()); !named && m.Node.Available() && m.Node.Takes(rec.Size()) {
			return true
		}
	}
	return false
}

// full asks every node that was not asked yet, and chooses among what they have.
func (a *Access) full(ctx context.Context, seen sightings) (*found, error) {
	a.store.fullLoads.Add(1)
	seen, err := a.askOthers(ctx, seen)
	if err != nil {
		return nil, err
	}
	a.seen = seen
	if len(seen) == 0 {
		return nil, a.unavailable(ErrUnavailable, "")
	}
	if !seen.anyRecord() {
		if seen, err = a.askAgain(ctx, seen); err != nil {
			return nil, err
		}
	}
	return a.choose(seen)
}

// askOthers asks every usable node, except the one that is asked first, in parallel for the record together with the
// node's epoch.
func (a *Access) askOthers(ctx context.Context, seen sightings) (sightings, error) {
	var others []*node.Node
	for _, m := range a.store.Cluster.Members() {
		if m.Node.ID() != a.node && a.usable(m.Node) {
			others = append(others, m.Node)
		}
	}
	answers := make([]answer, len(others))
	var wg sync.WaitGroup
	for i, n := range others {
		wg.Go(func() { answers[i] = a.ask(ctx, n, true) })
	}
	wg.Wait()
	for _, got := range answers {
		if err := a.note(got); err != nil {
			return nil, err
		}
		if got.answered {
			seen = append(seen, got.sighting)
		}
	}
	return seen, nil
}

// askAgain confirms that there is no session, by asking the home once more (rule C17). A repair may have moved the
// record to the home after the home was asked, and away from the others before they were. One silent node hides no
// session, because each session has a copy on another node. Two silent nodes may.
func (a *Access) askAgain(ctx context.Context, seen sightings) (sightings, error) {
	if seen.anyUnreadable() {
		return nil, fmt.Errorf("%w: every copy", ErrDamaged)
	}
	if a.silent(seen) > max(1, a.store.Backups) || a.hidden(nil, seen) {
		return nil, a.unavailable(ErrUnavailable, "the others may lack a session that these have")
	}
	if home, known := a.store.Cluster.Node(a.node); known && a.store.Backups == 0 && a.isAway(home, seen) {
		return nil, a.unavailable(errAway, "")
	}
	if _, ok := seen.of(a.node); !ok {
		return nil, ErrNoSession
	}
	home, known := a.store.Cluster.Node(a.node)
	if !known {
		return nil, ErrNoSession
	}
	got := a.ask(ctx, home, false)
	if err := a.note(got); err != nil {
		return nil, err
	}
	switch {
	case !got.answered && a.store.Backups > 0:
		return a.withoutHome(ctx)
	case !got.answered:
		return nil, a.unavailable(ErrUnavailable, "the others may lack a session that it has")
	case got.rec == nil && got.token != 0:
		return nil, fmt.Errorf("%w: the only copy", ErrDamaged)
	case got.rec == nil:
		return nil, ErrNoSession
	}
	seen[slices.IndexFunc(seen, func(s sighting) bool { return s.node == a.node })] = got.sighting
	return seen, nil
}

// withoutHome confirms that there is no session by asking the other nodes again: if the home has it by now, one of them
// has it as well.
func (a *Access) withoutHome(ctx context.Context) (sightings, error) {
	seen, err := a.askOthers(ctx, nil)
	switch {
	case err != nil:
		return nil, err
	case seen.anyUnreadable() || a.silent(seen) > a.store.Backups || !seen.anyRecord() && a.hidden(nil, seen):
		return nil, a.unavailable(ErrUnavailable, "the others may lack a session that these have")
	case !seen.anyRecord():
		return nil, ErrNoSession
	}
	return seen, nil
}

// ErrDamaged is the ErrUnreadable of a session of which only damaged copies were found. It can be destroyed, and
// nothing else.
var ErrDamaged = fmt.Errorf("%w: it is damaged", ErrUnreadable)

// records returns the records that the nodes have shown.
func (s sightings) records() (list []*record.Record) {
	for _, x := range s {
		if x.rec != nil {
			list = append(list, x.rec)
		}
	}
	return list
}

func (s sightings) anyRecord() bool {
	return slices.ContainsFunc(s, func(x sighting) bool { return x.rec != nil })
}

func (s sightings) anyUnreadable() bool {
	return slices.ContainsFunc(s, func(x sighting) bool { return x.rec == nil && x.token != 0 })
}

// answer is what came of asking one node.
type answer struct {
	sighting
	answered bool  // the node said something, even if only that it has nothing
	failed   error // why it did not answer; this request does not ask it again
	err      error // the request cannot go on
}

// ask asks one node for its copy and, if epoch is set, for its epoch. It may run in parallel with others, so what it
// learns enters the access later, by note.
func (a *Access) ask(ctx context.Context, n *node.Node, epoch bool) answer {
	if !a.usable(n) { // nor asked later in this request, which goes on without what is there
		return answer{sighting: sighting{node: n.ID()}, failed: node.ErrDown}
	}
	item, now, err := a.read(ctx, n, epoch)
	got := answer{sighting: sighting{node: n.ID()}}
	if err == nil {
		got.rec, got.err = readable(item.Value)
	}
	if err == nil && got.rec == nil && got.err == nil { // the copy is damaged
		if item, err = readAgain(ctx, n, a.key, item); err == nil {
			got.rec, got.err = readable(item.Value)
		}
	}
	switch {
	case err == nil:
		got.answered, got.token, got.epoch = true, item.Token, now
	case errors.Is(err, memcache.ErrMiss):
		got.answered = true
	default:
		got.failed, got.err = failed(ctx, n, err)
	}
	return got
}

// read gets a node's copy of the session, and the node's epoch: read from the node if epoch is set, otherwise as last
// known.
func (a *Access) read(ctx context.Context, n *node.Node, epoch bool) (item memcache.Item, now uint32, err error) {
	now = n.Epoch()
	switch {
	case epoch:
		return n.GetWithEpoch(ctx, a.key)
	case a.lock != nil && a.lock.node == n:
		item, err = a.lock.getWith(ctx, a.key)
	default:
		item, err = n.Get(ctx, a.key)
	}
	return item, now, err
}

// note records that the node failed, if it did, and returns the error that ends the request, if there is one.
func (a *Access) note(got answer) error {
	if got.failed != nil {
		a.fail(got.node, got.failed)
	}
	return got.err
}

// failed tells the failure of a node, which the request can do without, from an error that ends the request: its
// context is done, or the node is up but has no free connection (rule C15).
func failed(ctx context.Context, n *node.Node, err error) (failure, over error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, memcache.ErrBusy):
		return nil, busy(n, err)
	}
	return err, nil
}

// readable decodes a copy. A damaged one counts as absent, nil, so that a good one is written over it. One of an
// unknown format ends the request, because a newer program knows what is in it (rule C10).
func readable(value []byte) (*record.Record, error) {
	rec, err := record.Decode(value)
	switch {
	case errors.Is(err, record.ErrCorrupt):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return rec, nil
}

// usable reports whether the node is available and has not failed in this request (rule C20).
func (a *Access) usable(n *node.Node) bool {
	return n.Available() && !slices.ContainsFunc(a.failed, func(f failure) bool { return f.node == n.ID() }) && !a.before.has(n)
}
