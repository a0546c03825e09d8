package replica

import (
	"context"
	"errors"
	"log/slog"

	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/record"
)

// Load finds the session's record, which the caller must not change. It returns ErrNoSession if there is none, or if it
// has expired or was destroyed, or if all its copies are damaged; ErrUnavailable if the nodes that answer cannot tell;
// ErrUnreadable if a newer program wrote it; and what Write returns if it has to write.
//
// A record that was found by asking every node may be on one node only, or be a failed attempt. Load writes it to every
// copy before it returns it (rule C8). Of the requests of a session one at a time does that, and those that waited for it
// find nothing left to do. None waits for longer than Config.Patience, or after ctx has ended, whose cause it returns.
func (a *Access) Load(ctx context.Context) (*record.Record, error) {
	rec, fit, err := a.find(ctx)
	if fit {
		return rec, err
	}
	_, waited, err := a.store.repairs.Acquire(ctx, a.key)
	switch {
	case err == nil:
		defer a.store.repairs.Release(a.key, nil)
	case !errors.Is(err, keyqueue.ErrBusy):
		return nil, err
	}
	if waited {
		if rec, fit, err = a.find(ctx); fit {
			return rec, err
		}
	}
	return a.write(ctx, changing, nil)
}

// find is Load without a write. fit is false if what was found has to be written before anybody sees it.
func (a *Access) find(ctx context.Context) (rec *record.Record, fit bool, err error) {
	a.forgetOld()
	d, err := a.look(ctx)
	if errors.Is(err, ErrDamaged) {
		a.store.Damaged.Add(1)
		a.store.Log.Event(ctx, slog.LevelError, "every copy of a session is damaged, so the session is over", "", "key", a.shownKey())
	}
	if err != nil {
		return nil, true, err
	}
	a.looks.decision = d
	switch {
	case d.Rec.Closed():
		return nil, true, ErrNoKey
	case d.Heal && (d.Unsafe || d.Rec.Tombstone):
		return nil, false, nil
	case d.Rec.Tombstone || d.Rec.Expired(a.store.Clock()):
		return nil, true, a.gone(d.Rec)
	}
	return d.Rec, true, nil
}

// Peek returns what Load would find, and repairs nothing. The record may be a failed attempt, a tombstone or expired,
// so it is only good for comparisons.
func (a *Access) Peek(ctx context.Context) (*record.Record, error) {
	a.forgetOld()
	d, err := a.look(ctx)
	if err != nil {
		return nil, err
	}
	a.looks.decision = d
	return d.Rec, nil
}
