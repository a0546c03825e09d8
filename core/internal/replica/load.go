package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// Load finds the session's record. What it answers must not be changed. It answers ErrNoSession if there is none, it
// has expired or it was destroyed, ErrUnavailable if nobody could say, ErrUnreadable if a newer program wrote it.
//
// What is found by asking every node is perhaps on one of them only, or an attempt that will not stand. It is shown to nobody
// before it is on every copy.
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

// Peek answers what Load would find, and mends nothing. It may be an attempt that will not stand, for comparisons only.
func (a *Access) Peek(ctx context.Context) (*record.Record, error) {
	f, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	a.found = f
	return f.rec, nil
}

// look asks the nodes, and counts what the caller holds as one more copy.
func (a *Access) look(ctx context.Context) (*found, error) {
	a.store.loads.Add(1)
	a.store.awaitNode(ctx)
	a.seen, a.before = nil, failuresOf(ctx)
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

// decided: there is a record, or no session.
func decided(err error) bool { return err == nil || errors.Is(err, ErrNoSession) }

// search asks the home, and everyone if its answer is not enough: nor is that the session is over, for a use may have been stored
// elsewhere.
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

// trusted: the record was written in the node's present life, and names it home; and this instance has not done without it since.
// Of a claim the home knows least: it may have got no further, while others went on where the session was before.
func (a *Access) trusted(n *node.Node, rec *record.Record) bool {
	return rec != nil && rec.Home == n.ID() && !rec.Unsettled && inEpoch(rec, n) && !a.store.hints.has(n, a.key)
}

// confirmed is what a trusted home says. If it has just come back, or another instance does without it, the other nodes are asked as
// well; most of the time none has anything newer.
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

// misplaced: the record should have other copies than it has.
func (a *Access) misplaced(rec *record.Record) bool {
	return a.copyMissing(rec) || a.serves && a.store.astray(rec)
}

// copyMissing: a copy is on a node that is down or has lost its values, or there could be one more.
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

// spareNode: a node that could take one more copy is available.
func (s *Store) spareNode(rec *record.Record) bool {
	for _, m := range s.Cluster.Members() {
		if _, named := rec.Copy(m.Node.ID()); !named && m.Node.Available() && m.Node.Takes(rec.Size()) {
			return true
		}
	}
	return false
}

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

// askOthers asks every node but the first in parallel, for its epoch together with the record.
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

// askAgain confirms an absence: a repair may have moved the record to the home after it was asked and away from the
// others before they were. One silent node hides no session, for each has a copy on another one; two may.
func (a *Access) askAgain(ctx context.Context, seen sightings) (sightings, error) {
	if seen.anyUnreadable() {
		return nil, fmt.Errorf("%w: every copy", ErrDamaged)
	}
	if a.mute(seen) > max(1, a.store.Backups) || a.metElsewhere(seen) {
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

// metElsewhere: this access has found the session before, and none of the nodes that it named has answered now. Who wrote it may be
// configured with fewer backups than this instance.
func (a *Access) metElsewhere(seen sightings) bool {
	return a.met != nil && !slices.ContainsFunc(a.met.Copies, func(c record.Copy) bool {
		_, answered := seen.of(c.Node)
		return answered
	})
}

// withoutHome confirms an absence by the others alone: if the home has the session now, one of them has it, too.
func (a *Access) withoutHome(ctx context.Context) (sightings, error) {
	seen, err := a.askOthers(ctx, nil)
	switch {
	case err != nil:
		return nil, err
	case a.mute(seen) > a.store.Backups || seen.anyUnreadable():
		return nil, a.unavailable(ErrUnavailable, "the others may lack a session that these have")
	case !seen.anyRecord():
		return nil, ErrNoSession
	}
	return seen, nil
}

// isAway: the node has not answered, but did a short while ago. It may be back soon with what nobody else has, or is since the
// others were asked; and the instance that holds the session, if one does, may be about to store it elsewhere.
func (a *Access) isAway(n *node.Node, seen sightings) bool {
	_, answered := seen.of(n.ID())
	return !answered && n.DownFor() < awayTime
}

// errAway: without backups only a node that was there a short while ago may have the session.
var errAway = fmt.Errorf("%w, of which one may have the session", ErrUnavailable)

// ErrDamaged is the ErrUnreadable of a session of which there is something, and no record. It can be destroyed, and no more.
var ErrDamaged = fmt.Errorf("%w: it is damaged", ErrUnreadable)

// silent counts the nodes that have not answered. One that is not in the list, although the client's id names it, is none of
// them: what it had is on another node, too, or its operator has given it up.
func (a *Access) silent(seen sightings) int { return len(a.store.Cluster.Members()) - len(seen) }

// mute counts the nodes that say nothing about an absence: the silent ones and, if there are any, those that this instance has
// had to do without, and that may not have got the session yet.
func (a *Access) mute(seen sightings) int {
	silent := a.silent(seen)
	if silent == 0 {
		return 0
	}
	n := silent
	for _, s := range seen {
		if at, known := a.store.Cluster.Node(s.node); known && s.rec == nil && a.store.hints.has(at, a.key) {
			n++
		}
	}
	return n
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
	answered bool  // the node said something, be it that it has nothing
	failed   error // it did not answer, and is not asked again by this request
	err      error // the request cannot go on
}

// ask may run in parallel with others: what it learns enters the access by note.
func (a *Access) ask(ctx context.Context, n *node.Node, epoch bool) answer {
	if !a.usable(n) { // nor later in this request, which goes on without what is there
		return answer{sighting: sighting{node: n.ID()}, failed: node.ErrDown}
	}
	item, now, err := a.read(ctx, n, epoch)
	got := answer{sighting: sighting{node: n.ID()}}
	if err == nil {
		got.rec, got.err = readable(item.Value)
	}
	if err == nil && got.rec == nil && got.err == nil { // it is damaged
		if item, err = readAgain(ctx, n, a.key, item); err == nil {
			got.rec, got.err = readable(item.Value)
		}
	}
	switch {
	case err == nil:
		got.answered, got.token, got.epoch = true, item.Token, now
	case errors.Is(err, node.ErrMiss):
		got.answered = true
	default:
		got.failed, got.err = failed(ctx, n, err)
	}
	return got
}

// read asks a node for what it has of the session, and which epoch it is in.
func (a *Access) read(ctx context.Context, n *node.Node, epoch bool) (item node.Item, now uint32, err error) {
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

// note takes what an answer says about the node itself.
func (a *Access) note(got answer) error {
	if got.failed != nil {
		a.fail(got.node, got.failed)
	}
	return got.err
}

// failed tells the failure of a node, which the request can do without, from the end of the request.
func failed(ctx context.Context, n *node.Node, err error) (failure, over error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, node.ErrBusy):
		return nil, busy(n, err)
	}
	return err, nil
}

// readable decodes a copy. A damaged one counts as absent, to be overwritten by a good one; one of an unknown format
// ends the request, because a newer program knows what is in it.
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

func (a *Access) usable(n *node.Node) bool {
	return n.Available() && !slices.ContainsFunc(a.failed, func(f failure) bool { return f.node == n.ID() }) && !a.before.has(n)
}
