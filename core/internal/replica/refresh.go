package replica

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// Refresh records that the session was used just now, unless a use was recorded a short while ago (rule W16). It
// returns when it is due again. Whoever writes at the same time records the use as well, so after a conflict there may
// be nothing left to do.
func (a *Access) Refresh(ctx context.Context) (due time.Time, err error) {
	used := func(rec *record.Record) error {
		rec.LastAccess = a.store.Clock()
		return nil
	}
	var rec *record.Record
	defer func() { a.remind(rec) }()
	for first := true; ; first = false {
		rec, err = a.Load(ctx)
		if err != nil {
			return due, err
		}
		if a.store.Clock().Before(RefreshDue(rec)) {
			return RefreshDue(rec), nil
		}
		out := done
		if first && !a.NeedsHeal() {
			a.op.begin(changing, a.store.Clock())
			rec, out, err = a.try(ctx, used)
		} else { // a missing copy would be a conflict each time, and a failed node has to be replaced
			rec, err = a.Write(ctx, used)
		}
		switch {
		case err != nil:
			return due, err
		case out == done:
			a.store.Refreshes.Add(1)
			return RefreshDue(rec), nil
		}
		a.restart(out)
	}
}

// RefreshDue returns when an access is to be recorded again: a twentieth of the idle timeout after the last one that
// was.
func RefreshDue(rec *record.Record) time.Time { return rec.LastAccess.Add(rec.Idle() / 20) }
