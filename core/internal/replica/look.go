package replica

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
)

// look asks the nodes, and counts what the caller holds (see Hold) as one more copy.
func (a *Access) look(ctx context.Context) (*quorum.Decision, error) {
	a.store.Loads.Add(1)
	a.store.Cluster.AwaitNode(ctx, a.store.Patience)
	a.looks.seen, a.before = nil, node.FailuresOf(ctx)
	d, err := a.search(ctx)
	if (errors.Is(err, ErrUnavailable) || decided(err) && a.hasty()) && a.secondChance(ctx) {
		d, err = a.search(ctx)
	}
	if decided(err) && a.stalled() {
		err = a.unavailable(ErrUnavailable, standstill)
	}
	if a.caller.held != nil {
		d, err = a.withHeld(d, err)
	}
	if err == nil {
		a.looks.met = d.Rec
	}
	return d, err
}

// decided reports whether a look has a result: a record, or that there is no session.
func decided(err error) bool { return err == nil || errors.Is(err, ErrNoSession) }

// search asks the home, and then every node if the home's answer is not enough. An expired record is never enough,
// because a later use of the session may be stored elsewhere.
func (a *Access) search(ctx context.Context) (*quorum.Decision, error) {
	var seen quorum.Copies
	if home, known := a.store.Cluster.Node(a.node); known {
		doubted := home.Doubted() // the answer is of this moment
		answer := a.ask(ctx, home, false)
		if err := a.note(home, answer); err != nil {
			return nil, err
		}
		if answer.answered {
			seen = append(a.looks.room[:0], answer.CopyState)
			if !a.looks.readAll && a.enough(home, answer.CopyState) {
				return a.confirmed(ctx, home, seen, doubted || home.Doubted())
			}
		}
	}
	return a.full(ctx, seen)
}

// enough reports whether what the home has is enough: its word is, the caller has stored nothing that was made from it,
// and it is not over.
func (a *Access) enough(home *node.Node, c quorum.CopyState) bool {
	return a.trusted(home, c) && !quorum.Outdated(a.caller.floor, c.Rec) && !c.Rec.Expired(a.store.Clock())
}

// confirmed returns what a trusted home has. If the home is doubted, because it has just come back or another instance
// owes it something, the other nodes are asked as well (rule C2). Most of the time none has anything newer.
func (a *Access) confirmed(ctx context.Context, home *node.Node, seen quorum.Copies, doubted bool) (*quorum.Decision, error) {
	if !doubted {
		return a.fast(home, seen), nil
	}
	own := seen[0].Rec
	seen, err := a.askOthers(ctx, seen)
	if err != nil {
		return nil, err
	}
	for _, s := range seen[1:] {
		if s.Rec != nil && s.Rec.Term > own.Term {
			a.looks.seen = seen
			return a.choose(seen)
		}
	}
	return a.fast(home, seen[:1]), nil
}

// fast returns what the home has, without asking anyone else.
func (a *Access) fast(home *node.Node, seen quorum.Copies) *quorum.Decision {
	rec := seen[0].Rec
	d := &quorum.Decision{
		Rec: rec, Home: home.ID(), Seen: seen, Term: rec.Term, Top: rec.Version,
		Heal: a.misplaced(rec),
	}
	if quorum.Below(a.caller.floor, rec) {
		d.Raise(a.caller.floor)
	}
	return d
}

// full asks every node that was not asked yet, and chooses among what they have.
func (a *Access) full(ctx context.Context, seen quorum.Copies) (*quorum.Decision, error) {
	a.store.FullReads.Add(1)
	seen, err := a.askOthers(ctx, seen)
	if err != nil {
		return nil, err
	}
	a.looks.seen = seen
	if len(seen) == 0 {
		return nil, a.unavailable(ErrUnavailable, "")
	}
	if !seen.AnyRecord() {
		if seen, err = a.confirmAbsence(ctx, seen); err != nil {
			return nil, err
		}
	}
	return a.choose(seen)
}
