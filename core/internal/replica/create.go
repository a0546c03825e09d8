package replica

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// Create stores the first record of a new session, whose token nobody has used, on the best nodes that are available
// (rule W12). It returns the stored record, ErrNoSession if someone has ended the session already, and otherwise the
// errors of Write.
func (a *Access) Create(ctx context.Context, first *record.Record) (*record.Record, error) {
	a.forgetOld()
	return a.create(ctx, changing, first, func(*record.Record) error { return nil })
}

// create is Create, as a write of that kind and with a change to the first record.
func (a *Access) create(ctx context.Context, k kind, first *record.Record, change Change) (*record.Record, error) {
	a.store.Cluster.AwaitNode(ctx, a.store.Patience)
	a.before = node.FailuresOf(ctx)
	for try := range uint64(tries) {
		d, err := a.emptyDecision(first, try+1)
		if err != nil && a.secondChance(ctx) {
			d, err = a.emptyDecision(first, try+1)
		}
		if err != nil {
			return nil, err
		}
		a.looks.decision = d
		stored, err := a.write(ctx, k, change)
		if errors.Is(err, errBuried) || !errors.Is(err, ErrNoSession) && !errors.Is(err, errAway) {
			return stored, err
		}
		// No node that answers has anything of the attempt: the next one takes other nodes.
	}
	return nil, a.unavailable(ErrUnavailable, "the others failed in turn")
}

// emptyDecision returns what a look would find of a session that no node has yet, with the nodes that it is to have. Each
// attempt has a term of its own, so that a late write of the attempt before never outranks it.
func (a *Access) emptyDecision(first *record.Record, term uint64) (*quorum.Decision, error) {
	var p placement
	var seen quorum.Copies
	for _, n := range a.store.Cluster.Ranking(a.key) {
		seen = append(seen, quorum.CopyState{Node: n.ID()})
		switch {
		case !a.placeable(n):
		case p.home == nil:
			p.home = n
		case len(p.backups) < a.store.backups():
			p.backups = append(p.backups, n)
		}
	}
	if p.home == nil {
		if err := a.fits(); err != nil {
			return nil, err
		}
		return nil, a.unavailable(ErrUnavailable, "")
	}
	rec := first.Clone()
	rec.Copies = p.copies()
	a.node = p.home.ID()
	return &quorum.Decision{Rec: rec, Home: a.node, Seen: seen, Term: term}, nil
}

// FirstNode returns the id of the node on which a new session with the token would live now; empty: no node is
// available.
func (s *Store) FirstNode(token string) string {
	for _, n := range s.Cluster.Ranking(s.key(token)) {
		if n.Available() {
			return n.ID()
		}
	}
	return ""
}
