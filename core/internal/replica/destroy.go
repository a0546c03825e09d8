package replica

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// Destroy writes a tombstone over the session: from then on no copy of it, however old, is believed. last sees the
// record that is about to end, in each attempt, and in the end the one that has; nil if that does not matter. It answers ErrNoSession
// if the session is gone already. One whose copies are all damaged is destroyed like any other; one of an unknown format is not, for a
// newer program can read it.
func (a *Access) Destroy(ctx context.Context, last Change) error {
	a.destroying = true
	bases := NewResults[*record.Record](a)
	var seen *record.Record
	dead, err := a.Write(ctx, func(rec *record.Record) error {
		before := *rec
		seen = &before
		bases.Note(seen)
		if last != nil {
			if err := last(rec); err != nil {
				return err
			}
		}
		rec.Tombstone, rec.Attributes, rec.Route = true, nil, ""
		rec.LastAccess, rec.IdleTimeout = a.store.Clock(), max(rec.Idle(), a.store.IdleTime)
		rec.Persist, rec.CookieAt = 0, time.Time{}
		if a.renewed {
			rec.Set(renewalMark, nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.store.destroys.Add(1)
	ended := seen
	if HasRequest(dead, bases.request) { // else so many others came after it that nobody can tell
		ended = bases.Of(dead)
	}
	a.bury(context.WithoutCancel(ctx), dead)
	a.announce(context.WithoutCancel(ctx), ended, dead)
	if last != nil && ended != seen { // an earlier attempt has landed after all
		copied := *ended
		return last(&copied)
	}
	return nil
}
