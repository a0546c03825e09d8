package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
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
	case f.Heal && (f.Unsafe || f.Rec.Tombstone):
		return a.Write(ctx, nil)
	case f.Rec.Tombstone || f.Rec.Expired(a.store.Clock()):
		return nil, a.gone(f.Rec)
	}
	return f.Rec, nil
}

// Peek returns what Load would find, and repairs nothing. The record may be a failed attempt, a tombstone or expired,
// so it is only good for comparisons.
func (a *Access) Peek(ctx context.Context) (*record.Record, error) {
	f, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	a.found = f
	return f.Rec, nil
}

// look asks the nodes, and counts what the caller holds (see Keep) as one more copy.
func (a *Access) look(ctx context.Context) (*quorum.Decision, error) {
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
		a.met = f.Rec
	}
	return f, err
}

// decided reports whether a look has a result: a record, or that there is no session.
func decided(err error) bool { return err == nil || errors.Is(err, ErrNoSession) }

// search asks the home, and then every node if the home's answer is not enough. An expired record is never enough,
// because a later use of the session may be stored elsewhere.
func (a *Access) search(ctx context.Context) (*quorum.Decision, error) {
	var seen quorum.Copies
	if home, known := a.store.Cluster.Node(a.node); known {
		answer := a.ask(ctx, home, false)
		if err := a.note(answer); err != nil {
			return nil, err
		}
		if answer.answered {
			seen = append(a.room[:0], answer.CopyState)
			if !a.thorough && a.trusted(home, answer.Rec) && !quorum.Outdated(a.apart, answer.Rec) && !answer.Rec.Expired(a.store.Clock()) {
				return a.confirmed(ctx, home, seen)
			}
		}
	}
	return a.full(ctx, seen)
}

// confirmed returns what a trusted home has. If the node has just come back, or another instance owes it something, the
// other nodes are asked as well (rule C2). Most of the time none has anything newer.
func (a *Access) confirmed(ctx context.Context, home *node.Node, seen quorum.Copies) (*quorum.Decision, error) {
	if !home.Doubted() {
		return a.fast(home, seen), nil
	}
	own := seen[0].Rec
	seen, err := a.askOthers(ctx, seen)
	if err != nil {
		return nil, err
	}
	for _, s := range seen[1:] {
		if s.Rec != nil && s.Rec.Term > own.Term {
			a.seen = seen
			return a.choose(seen)
		}
	}
	return a.fast(home, seen[:1]), nil
}

// fast returns what the home has, without asking anyone else.
func (a *Access) fast(home *node.Node, seen quorum.Copies) *quorum.Decision {
	rec := seen[0].Rec
	f := &quorum.Decision{
		Rec: rec, Home: home.ID(), Seen: seen, Term: rec.Term, Top: rec.Version,
		Heal: a.misplaced(rec),
	}
	if quorum.Below(a.apart, rec) {
		f.Raise(a.apart)
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
func (a *Access) full(ctx context.Context, seen quorum.Copies) (*quorum.Decision, error) {
	a.store.fullLoads.Add(1)
	seen, err := a.askOthers(ctx, seen)
	if err != nil {
		return nil, err
	}
	a.seen = seen
	if len(seen) == 0 {
		return nil, a.unavailable(ErrUnavailable, "")
	}
	if !seen.AnyRecord() {
		if seen, err = a.askAgain(ctx, seen); err != nil {
			return nil, err
		}
	}
	return a.choose(seen)
}

// askOthers asks every usable node, except the one that is asked first, in parallel for the record together with the
// node's epoch.
func (a *Access) askOthers(ctx context.Context, seen quorum.Copies) (quorum.Copies, error) {
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
			seen = append(seen, got.CopyState)
		}
	}
	return seen, nil
}

// askAgain confirms that there is no session, by asking the home once more if that may tell (rule C17).
func (a *Access) askAgain(ctx context.Context, seen quorum.Copies) (quorum.Copies, error) {
	switch verdict := a.view(seen).Absence(); verdict {
	case quorum.AskAgain:
	case quorum.Damaged:
		return nil, fmt.Errorf("%w: every copy", ErrDamaged)
	case quorum.Away:
		return nil, a.errorOf(verdict, "")
	default:
		return nil, a.errorOf(verdict, "the others may lack a session that these have")
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
	case got.Rec == nil && got.Token != 0:
		return nil, fmt.Errorf("%w: the only copy", ErrDamaged)
	case got.Rec == nil:
		return nil, ErrNoSession
	}
	seen[slices.IndexFunc(seen, func(c quorum.CopyState) bool { return c.Node == a.node })] = got.CopyState
	return seen, nil
}

// withoutHome confirms that there is no session by asking the other nodes again: if the home has it by now, one of them
// has it as well.
func (a *Access) withoutHome(ctx context.Context) (quorum.Copies, error) {
	seen, err := a.askOthers(ctx, nil)
	if err != nil {
		return nil, err
	}
	return seen, a.errorOf(a.view(seen).AbsenceWithoutHome(), "the others may lack a session that these have")
}

// ErrDamaged is the ErrUnreadable of a session of which only damaged copies were found. It can be destroyed, and
// nothing else.
var ErrDamaged = fmt.Errorf("%w: it is damaged", ErrUnreadable)

// answer is what came of asking one node.
type answer struct {
	quorum.CopyState
	answered bool  // the node said something, even if only that it has nothing
	failed   error // why it did not answer; this request does not ask it again
	err      error // the request cannot go on
}

// ask asks one node for its copy and, if epoch is set, for its epoch. It may run in parallel with others, so what it
// learns enters the access later, by note.
func (a *Access) ask(ctx context.Context, n *node.Node, epoch bool) answer {
	if !a.usable(n) { // nor asked later in this request, which goes on without what is there
		return answer{CopyState: quorum.CopyState{Node: n.ID()}, failed: node.ErrDown}
	}
	item, now, err := a.read(ctx, n, epoch)
	got := answer{CopyState: quorum.CopyState{Node: n.ID()}}
	if err == nil {
		got.Rec, got.err = readable(item.Value)
	}
	if err == nil && got.Rec == nil && got.err == nil { // the copy is damaged
		if item, err = readAgain(ctx, n, a.key, item); err == nil {
			got.Rec, got.err = readable(item.Value)
		}
	}
	switch {
	case err == nil:
		got.answered, got.Token, got.Epoch = true, item.Token, now
	case errors.Is(err, node.ErrMiss):
		got.answered = true
	default:
		got.failed, got.err = failed(ctx, n, err)
	}
	return got
}

// read gets a node's copy of the session, and the node's epoch: read from the node if epoch is set, otherwise as last
// known.
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

// note records that the node failed, if it did, and returns the error that ends the request, if there is one.
func (a *Access) note(got answer) error {
	if got.failed != nil {
		a.fail(got.Node, got.failed)
	}
	return got.err
}

// failed tells the failure of a node, which the request can do without, from an error that ends the request: its
// context is done, or the node is up but has no free connection (rule C15).
func failed(ctx context.Context, n *node.Node, err error) (failure, over error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, node.ErrBusy):
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
