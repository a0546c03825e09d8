package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// errTooOld ends a write that took longer than maxWrite, or was overtaken by so many others that the record may
// have forgotten an attempt of it.
var errTooOld = fmt.Errorf("%w: a write took so long that nobody can say whether it was done", ErrConflict)

// Change is what a request does to a record. It may be called several times, each time with the newest record. It may
// give the record a new list of attributes, but must not modify the list that the record has, because others share it.
// If it returns an error, the write ends (but see refused). The result of the last call need not be what is stored,
// because an earlier attempt may have been stored after all: see Results.
type Change func(rec *record.Record) error

// Write applies the change to the newest record and returns what was stored on every copy. It loads first if Load was
// not called before. A nil change heals. Write returns ErrConflict after many attempts in vain, ErrTooLarge, and the
// errors of Load and of the change.
func (a *Access) Write(ctx context.Context, change Change) (*record.Record, error) {
	a.forgetOld()
	return a.write(ctx, changing, change)
}

// Heal writes what is stored to every copy again, if a copy may be missing or stale.
func (a *Access) Heal(ctx context.Context) error {
	_, err := a.Write(ctx, nil)
	return err
}

// write is a write of any kind.
func (a *Access) write(ctx context.Context, k kind, change Change) (stored *record.Record, err error) {
	defer func() { a.remind(stored) }()
	a.op.begin(k, a.store.Clock())
	for a.op.attempt = range uint64(tries) {
		stored, out, err := a.try(ctx, change)
		if err != nil || out == done {
			return stored, err
		}
		a.restart(out)
	}
	return nil, ErrConflict
}

// try is one attempt of a write. A nil change heals.
func (a *Access) try(ctx context.Context, change Change) (*record.Record, outcome, error) {
	if a.looks.decision == nil {
		d, err := a.look(ctx)
		if a.writesOver(err) {
			d, err = a.overUnread(), nil
		}
		if err != nil {
			return nil, done, err
		}
		a.looks.decision = d
	}
	d, now := a.looks.decision, a.store.Clock()
	gone, applied := a.op.status(d.Rec, a.request, now)
	switch {
	case gone && (!d.Heal || !d.Rec.Tombstone):
		return nil, done, a.gone(d.Rec)
	case change == nil && !d.Heal:
		return d.Rec, done, nil
	case gone || applied:
		change = nil
	case change != nil && a.op.tooOld(now, d.Top):
		return a.refused(ctx, d, change, errTooOld)
	}
	stored, out, err := a.apply(ctx, d, change)
	if gone && err == nil && out == done {
		err = a.gone(d.Rec) // the tombstone was written once more, so that every copy has it
	}
	return stored, out, err
}

// apply makes the change to what was found, and one attempt to store that.
func (a *Access) apply(ctx context.Context, d *quorum.Decision, change Change) (*record.Record, outcome, error) {
	next, err := a.next(d, change)
	if err != nil {
		return a.refused(ctx, d, change, err)
	}
	a.op.grow(a.store.Size(next))
	if change != nil {
		if err := a.fits(); err != nil {
			return nil, done, err
		}
	}
	if a.outgrows(d, next) {
		return nil, retry, a.move(ctx, d)
	}
	out, err := a.save(ctx, d, next, change != nil)
	a.moved = a.moved || d.Claim
	if err != nil || out != done {
		return nil, out, err
	}
	a.count(d, change)
	a.tellFormer(ctx, next)
	a.unfinished = next.Unsettled || a.misplaced(next)
	a.node, a.looks.decision, a.looks.readAll, a.request = d.Home, nil, false, a.store.newRequest()
	return next, done, nil
}

// move gives the session another home, with nothing changed.
func (a *Access) move(ctx context.Context, d *quorum.Decision) error {
	as, err := a.next(d, nil)
	if err == nil {
		_, err = a.save(ctx, d, as, false)
		a.moved = a.moved || d.Claim
	}
	return err
}

// refused deals with a change that could not be made to what was found, because of the error why (rule W11). What was
// found may be an attempt of a writer that was killed between two nodes. If the change can be made to what was there
// before it, the write goes on from that. Otherwise the attempt is settled all the same. If it were not, every later
// request would see what was there before it, and be refused as well, forever.
func (a *Access) refused(ctx context.Context, d *quorum.Decision, change Change, why error) (*record.Record, outcome, error) {
	if change == nil || !d.Unsafe {
		return nil, done, why
	}
	if before := a.beforeAttempt(d); before != nil && !errors.Is(why, errTooOld) {
		if _, err := a.next(before, change); err == nil {
			return a.apply(ctx, before, change)
		}
	}
	_, _, _ = a.apply(ctx, d, nil)
	return nil, done, why
}

// beforeAttempt returns what the home has, if its word is enough, and what was found is an attempt that has not got
// there: see quorum.Decision.BeforeAttempt.
func (a *Access) beforeAttempt(d *quorum.Decision) *quorum.Decision {
	own, _ := d.Seen.Of(d.Rec.Home)
	n, known := a.store.Cluster.Node(d.Rec.Home)
	if !known || !a.trusted(n, own) {
		return nil
	}
	return d.BeforeAttempt()
}

// next returns the record that the change makes of what was found. With a nil change only the version, the write's id
// and the placement are new.
func (a *Access) next(d *quorum.Decision, change Change) (*record.Record, error) {
	copied, now := *d.Rec, a.store.Clock() // several attempts may start from one record
	next := &copied
	next.Writes, next.Requests = slices.Clone(next.Writes), slices.Clone(next.Requests)
	if change != nil {
		if next.Closed() && a.op.kind != ending {
			return nil, ErrNoKey
		}
		next.Strip()
		if err := change(next); err != nil {
			return nil, err
		}
		next.AddRequest(a.request|a.op.attempt, now)
		a.relieve(next)
	}
	next.AddWrite(a.store.Random.Uint64(), now)
	next.Version, next.Term, next.Home = d.Top+1, d.Term, d.Home
	return next, nil
}

func (a *Access) count(d *quorum.Decision, change Change) {
	a.store.Saves.Add(1)
	if change == nil {
		a.healed = true
		a.store.Heals.Add(1)
	}
	if d.Claim {
		a.store.Relocations.Add(1)
	}
}

// restart prepares the next attempt, which asks every node (rule W7).
func (a *Access) restart(out outcome) {
	a.store.Conflicts.Add(1)
	if out == homeFailed {
		a.node = a.looks.decision.Home
	}
	a.looks.decision, a.looks.readAll = nil, true
}
