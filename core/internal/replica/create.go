package replica

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// Create stores the first record of a new session, whose token nobody has used, on the best nodes that are available
// (rule W12). It returns the stored record, ErrNoSession if someone has ended the session already, and otherwise the
// errors of Write.
func (a *Access) Create(ctx context.Context, first *record.Record) (*record.Record, error) {
	return a.create(ctx, first, func(*record.Record) error { return nil })
}

func (a *Access) create(ctx context.Context, first *record.Record, change Change) (*record.Record, error) {
	a.store.awaitNode(ctx)
	a.before = FailuresOf(ctx)
	for try := range uint64(tries) {
		f, err := a.blank(first, try+1)
		if err != nil && a.secondChance(ctx) {
			f, err = a.blank(first, try+1)
		}
		if err != nil {
			return nil, err
		}
		a.found = f
		stored, err := a.Write(ctx, change)
		if errors.Is(err, errBuried) || !errors.Is(err, ErrNoSession) && !errors.Is(err, errAway) {
			return stored, err
		}
		// No node that answers has anything of the attempt: the next one takes other nodes.
	}
	return nil, a.unavailable(ErrUnavailable, "the others failed in turn")
}

// blank returns what a look would find of a session that no node has yet, with the nodes that it is to have. Each
// attempt has a term of its own, so that a late write of the attempt before never outranks it.
func (a *Access) blank(first *record.Record, term uint64) (*quorum.Decision, error) {
	var lay layout
	var seen quorum.Copies
	for _, n := range a.store.Cluster.Ranking(a.key) {
		seen = append(seen, quorum.CopyState{Node: n.ID()})
		switch {
		case !a.placeable(n):
		case lay.home == nil:
			lay.home = n
		case len(lay.backups) < a.store.backups():
			lay.backups = append(lay.backups, n)
		}
	}
	if lay.home == nil {
		if err := a.fits(); err != nil {
			return nil, err
		}
		return nil, a.unavailable(ErrUnavailable, "")
	}
	rec := first.Clone()
	rec.Copies = lay.copies()
	a.node = lay.home.ID()
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
