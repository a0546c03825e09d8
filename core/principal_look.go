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
}

// look looks at sessions of a list, and tells those that live from those that have ended. It does not keep them alive.
func (p *principals) look(ctx context.Context, sessions []principal.Session) (living []sighting, gone []principal.Session) {
	used, over := make([]time.Time, len(sessions)), make([]bool, len(sessions))
	each(sessions, func(i int, s principal.Session) { used[i], over[i] = p.lookAt(ctx, s) })
	for i, s := range sessions {
		if over[i] {
			gone = append(gone, s)
		} else {
			living = append(living, sighting{s, used[i]})
		}
	}
	return living, gone
}

// lookAt returns when a session was used last, zero if the nodes cannot tell, and whether it has ended.
func (p *principals) lookAt(ctx context.Context, s principal.Session) (used time.Time, over bool) {
	rec, err := p.access(s).Peek(ctx)
	switch {
	case errors.Is(err, replica.ErrNoSession):
		return s.Login, !young(s)
	case err != nil:
		return time.Time{}, false
	}
	return lastUse(rec), rec.Tombstone || rec.Expired(time.Now())
}

func young(s principal.Session) bool { return time.Since(s.Login) <= youngFor }

// lastUse returns when the session was used last. A sealed record tells only when it was written.
func lastUse(rec *record.Record) time.Time {
	if n := len(rec.Writes); rec.Closed() && n > 0 {
		return rec.Writes[n-1].At
	}
	return rec.LastAccess
}

// end ends a session of a list. It is no error if that has ended before.
func (p *principals) end(ctx context.Context, s principal.Session) error {
	err := p.endStored(ctx, s)
	if err == nil {
		p.ended(ctx, sid.Hash(s.Key))
	}
	return err
}

// endAll ends sessions of a list, as far as that is possible now.
func (p *principals) endAll(ctx context.Context, sessions []principal.Session) {
	var mu sync.Mutex
	var ended []sid.Hash
	each(sessions, func(_ int, s principal.Session) {
		if p.endStored(ctx, s) == nil {
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, sid.Hash(s.Key))
		}
	})
	p.ended(ctx, ended...)
}

// ended takes sessions that have ended on their nodes out of memory, and ends their streams.
func (p *principals) ended(ctx context.Context, keys ...sid.Hash) {
	p.backend.forget(ctx, keys)
	p.watches.endedKeys(keys)
}

// endStored ends a session on its nodes. One that has just logged in may be on none yet: then it finds that it has ended when
// it is to be stored, or the instance hears of it in whose memory it is.
func (p *principals) endStored(ctx context.Context, s principal.Session) error {
	err := p.backend.endKey(ctx, sid.Hash(s.Key), s.Node)
	if !errors.Is(err, replica.ErrNoSession) {
		return err
	}
	if !young(s) {
		return nil
	}
	p.access(s).Mourn(ctx, s.Route)
	_, err = p.access(s).Put(ctx, func(rec *record.Record) error {
		rec.Tombstone, rec.Attributes, rec.Route, rec.Login = true, nil, "", record.Login{}
		rec.LastAccess, rec.IdleTimeout = time.Now(), max(rec.IdleTimeout, youngFor)
		return nil
	})
	return err
}

// forget takes sessions that have ended out of the list, in the background.
func (p *principals) forget(name string, gone []principal.Session) {
	p.inBackground(name, 0, func(l *principal.List) (changed bool) { return l.Remove(gone) })
}

// tidy looks for sessions of the list that have ended, in the background, and takes them out.
func (p *principals) tidy(name string) {
	p.background.Add(p.place(sid.Principal(name)), func(ctx context.Context, access *replica.Access, _ sid.ID) error {
		list, _, err := p.load(ctx, name)
		if err != nil {
			return err
		}
		_, gone := p.look(ctx, list.Sessions)
		return p.storeChanged(ctx, access, name, 0, func(l *principal.List) (changed bool) { return l.Remove(gone) })
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
