package replica

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// Destroy writes a tombstone over the session: from then on no copy of it, however old, is believed.
//
// In each attempt it calls last, unless that is nil, with the record that is about to end. If it turns out that an
// earlier attempt was stored after all, it calls last once more with the record that has ended by that. An error of
// last ends Destroy.
//
// Destroy returns ErrNoSession if the session is gone already. A session whose copies are all damaged is destroyed like
// any other. One of an unknown format is not, because a newer program can read it.
func (a *Access) Destroy(ctx context.Context, last Change) error { return a.destroy(ctx, last, false) }

// Renewed ends the session as Destroy does, because its values go on under another id.
func (a *Access) Renewed(ctx context.Context, last Change) error { return a.destroy(ctx, last, true) }

func (a *Access) destroy(ctx context.Context, last Change, renewed bool) error {
	a.forgetOld()
	bases := NewResults[*record.Record](a)
	var seen *record.Record
	var servers []string // routes of instances that may serve the session, in all attempts
	dead, err := a.write(ctx, ending, func(rec *record.Record) error {
		before := *rec
		seen = &before
		bases.Note(seen)
		servers = append(servers, a.routes(seen)...)
		if last != nil {
			if err := last(rec); err != nil {
				return err
			}
		}
		rec.Tombstone, rec.Attributes, rec.Route = true, nil, ""
		rec.LastAccess, rec.IdleTimeout = a.store.Clock(), max(rec.Idle(), a.store.IdleTime)
		rec.Persist, rec.CookieAt, rec.Login = 0, time.Time{}, record.Login{}
		if renewed {
			rec.Set(renewalMark, nil)
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.store.Destroys.Add(1)
	ended := seen
	if HasRequest(dead, bases.request) { // else so many others came after it that nobody can tell
		ended = bases.Of(dead)
	}
	a.bury(context.WithoutCancel(ctx), dead)
	a.announce(context.WithoutCancel(ctx), ended, dead, servers)
	if last != nil && ended != seen { // an earlier attempt was stored after all
		copied := *ended
		return last(&copied)
	}
	return nil
}
