package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gomsm/msm/core/internal/quorum"
	"github.com/gomsm/msm/core/internal/record"
)

// maxWrite is how long a write goes on trying. Later the record may have forgotten that an attempt was stored after
// all.
const maxWrite = record.StampLife / 2

// errStoodStill ends a write that took longer than maxWrite, or was overtaken by so many others that the record may
// have forgotten an attempt of it.
var errStoodStill = fmt.Errorf("%w: a write took so long that nobody can say whether it was done", ErrConflict)

// Change is what a request does to a record. It may be called several times, each time with the newest record. It may
// give the record a new list of attributes, but must not modify the list that the record has, because others share it.
// If it returns an error, the write ends (but see refused). The result of the last call need not be what is stored,
// because an earlier attempt may have been stored after all: see Results.
type Change func(rec *record.Record) error

// Write applies the change to the newest record and returns what was stored on every copy. It loads first if Load was
// not called before. A nil change heals. Write returns ErrConflict after many attempts in vain, ErrTooLarge, and the
// errors of Load and of the change.
func (a *Access) Write(ctx context.Context, change Change) (stored *record.Record, err error) {
	defer func() { a.remind(stored) }()
	a.began, a.sown = a.store.Clock(), 0
	for a.tried = range uint64(tries) {
		stored, out, err := a.attempt(ctx, change)
		if err != nil || out == done {
			return stored, err
		}
		a.startAgain(out)
	}
	return nil, ErrConflict
}

// Heal writes what is stored to every copy again, if a copy may be missing or stale.
func (a *Access) Heal(ctx context.Context) error {
	_, err := a.Write(ctx, nil)
	return err
}

// attempt is one attempt of Write. A nil change heals.
func (a *Access) attempt(ctx context.Context, change Change) (*record.Record, outcome, error) {
	if a.found == nil {
		f, err := a.look(ctx)
		if a.destroying && errors.Is(err, ErrDamaged) {
			f, err = a.wreck(), nil
		}
		if err != nil {
			return nil, done, err
		}
		a.found = f
	}
	f := a.found
	gone, applied := a.standing(f.Rec)
	switch {
	case gone && (!f.Heal || !f.Rec.Tombstone):
		return nil, done, a.gone(f.Rec)
	case change == nil && !f.Heal:
		return f.Rec, done, nil
	case gone || applied:
		change = nil
	case change != nil && a.tooOld(f):
		return a.refused(ctx, f, change, errStoodStill)
	}
	stored, out, err := a.put(ctx, f, change)
	if gone && err == nil && out == done {
		err = a.gone(f.Rec) // the tombstone was written once more, so that every copy has it
	}
	return stored, out, err
}

// tooOld reports whether nobody can tell any more if an earlier attempt was stored, so that the change might be made
// twice (rule W10). For Destroy it is false: to end a session twice does no harm.
func (a *Access) tooOld(f *quorum.Decision) bool {
	return !a.destroying && a.tried > 0 && (a.store.Clock().Sub(a.began) > maxWrite || a.forgotten(f))
}

// forgotten reports whether an earlier attempt may have been stored, and so many writes after it that the record has no
// trace of it any more.
func (a *Access) forgotten(f *quorum.Decision) bool {
	return a.sown > 0 && f.Top >= a.sown+record.MaxStamps
}

// standing reports whether the session is gone, and whether it has this request's change already, by an earlier attempt
// whose outcome was unknown. Such a change is not applied again: the record is written once more until every copy has
// it (rules W9 and W21).
func (a *Access) standing(rec *record.Record) (gone, applied bool) {
	applied = HasRequest(rec, a.request)
	switch {
	case a.putting:
		return false, applied
	case rec.Tombstone:
		return !a.destroying || !applied, applied
	}
	return rec.Expired(a.store.Clock()), applied
}

// put makes the change to what was found, and one attempt to store that.
func (a *Access) put(ctx context.Context, f *quorum.Decision, change Change) (*record.Record, outcome, error) {
	next, err := a.next(f, change)
	if err != nil {
		return a.refused(ctx, f, change, err)
	}
	a.size = max(a.size, next.Size())
	if change != nil {
		if err := a.fits(); err != nil {
			return nil, done, err
		}
	}
	if a.outgrows(f, next) {
		return nil, again, a.move(ctx, f)
	}
	out, err := a.save(ctx, f, next, change != nil)
	a.moved = a.moved || f.Claim
	if err != nil || out != done {
		return nil, out, err
	}
	a.count(f, change)
	a.tellFormer(ctx, next)
	a.unfinished = next.Unsettled || a.misplaced(next)
	a.node, a.found, a.thorough, a.request = f.Home, nil, false, a.store.newRequest()
	return next, done, nil
}

// move gives the session another home, with nothing changed.
func (a *Access) move(ctx context.Context, f *quorum.Decision) error {
	as, err := a.next(f, nil)
	if err == nil {
		_, err = a.save(ctx, f, as, false)
		a.moved = a.moved || f.Claim
	}
	return err
}

// refused deals with a change that could not be made to what was found, because of the error why (rule W11). What was
// found may be an attempt of a writer that was killed between two nodes. If the change can be made to what was there
// before it, the write goes on from that. Otherwise the attempt is settled all the same. If it were not, every later
// request would see what was there before it, and be refused as well, forever.
func (a *Access) refused(ctx context.Context, f *quorum.Decision, change Change, why error) (*record.Record, outcome, error) {
	if change == nil || !f.Unsafe {
		return nil, done, why
	}
	if before := a.beforeAttempt(f); before != nil && !errors.Is(why, errStoodStill) {
		if _, err := a.next(before, change); err == nil {
			return a.put(ctx, before, change)
		}
	}
	_, _, _ = a.put(ctx, f, nil)
	return nil, done, why
}

// beforeAttempt returns what the home has, if its word is enough, and what was found is an attempt that has not got
// there: see quorum.Decision.BeforeAttempt.
func (a *Access) beforeAttempt(f *quorum.Decision) *quorum.Decision {
	own, _ := f.Seen.Of(f.Rec.Home)
	n, known := a.store.Cluster.Node(f.Rec.Home)
	if !known || !a.trusted(n, own.Rec) {
		return nil
	}
	return f.BeforeAttempt()
}

// next returns the record that the change makes of what was found. With a nil change only the version, the write's id
// and the placement are new.
func (a *Access) next(f *quorum.Decision, change Change) (*record.Record, error) {
	copied, now := *f.Rec, a.store.Clock() // several attempts may start from one record
	next := &copied
	next.Writes, next.Requests = slices.Clone(next.Writes), slices.Clone(next.Requests)
	if change != nil {
		if err := change(next); err != nil {
			return nil, err
		}
		next.AddRequest(a.request|a.tried, now)
		a.relieve(next)
	}
	next.AddWrite(a.store.Random.Uint64(), now)
	next.Version, next.Term, next.Home = f.Top+1, f.Term, f.Home
	return next, nil
}

func (a *Access) count(f *quorum.Decision, change Change) {
	a.store.saves.Add(1)
	if change == nil {
		a.healed = true
		a.store.heals.Add(1)
	}
	if f.Claim {
		a.store.relocations.Add(1)
	}
}

// startAgain prepares the next attempt, which asks every node (rule W7).
func (a *Access) startAgain(out outcome) {
	a.store.conflicts.Add(1)
	if out == homeFailed {
		a.node = a.found.Home
	}
	a.found, a.thorough = nil, true
}
