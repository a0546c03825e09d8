package msm

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/principal"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

const (
	// youngFor is how long a session counts as living that is on no node (yet): its list is stored before it.
	youngFor = time.Minute
	// lookers is how many sessions of a list are looked at, or ended, at a time.
	lookers = 16
)

// sighting is a session of a list, as it was found.
type sighting struct {
	principal.Session
	used time.Time // the last time; zero: the nodes cannot tell
	over bool
}

// look looks at sessions of a list. It does not keep them alive.
func (p *principals) look(ctx context.Context, sessions []principal.Session) []sighting {
	list := make([]sighting, len(sessions))
	each(sessions, func(i int, s principal.Session) { list[i] = p.lookAt(ctx, s) })
	return list
}

func (p *principals) lookAt(ctx context.Context, s principal.Session) sighting {
	rec, err := p.access(s).Peek(ctx)
	switch {
	case errors.Is(err, replica.ErrNoSession):
		return sighting{s, s.Login, time.Since(s.Login) > youngFor}
	case err != nil:
		return sighting{Session: s}
	}
	return sighting{s, lastUse(rec), rec.Tombstone || rec.Expired(time.Now())}
}

// lastUse returns when the session was used last. A sealed record tells only when it was written.
func lastUse(rec *record.Record) time.Time {
	if n := len(rec.Writes); rec.Closed() && n > 0 {
		return rec.Writes[n-1].At
	}
	return rec.LastAccess
}

// end ends a session of a list. It is no error if that has ended before.
func (p *principals) end(ctx context.Context, s principal.Session) error {
	err := p.backend.endKey(ctx, sid.Hash(s.Key), s.Node)
	if errors.Is(err, replica.ErrNoSession) {
		p.access(s).Mourn(ctx, s.Route) // it may be in the memory of that instance, and not stored yet
		return nil
	}
	return err
}

// forget takes sessions that have ended out of the list, in the background.
func (p *principals) forget(name string, gone []principal.Session, lasts time.Duration) {
	at := p.enter(sid.Principal(name))
	p.background.Add(at.id(), func(ctx context.Context, access *replica.Access, _ sid.ID) error {
		_, err := storeList(ctx, p, access, name, lasts, func(l *principal.List) (bool, error) { return l.Remove(gone), nil })
		return err
	})
}

func (p *principals) access(s principal.Session) *replica.Access {
	return p.store.OpenKey(sid.Hash(s.Key).Key(p.store.KeyPrefix, sid.Record), s.Node)
}

// each calls do for every session, for some of them at a time.
func each(sessions []principal.Session, do func(i int, s principal.Session)) {
	var all sync.WaitGroup
	room := make(chan struct{}, lookers)
	for i, s := range sessions {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			do(i, s)
		})
	}
	all.Wait()
}
