package msm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/principal"
)

// admit returns ErrTooManySessions if the principal has as many sessions as he may besides that with the handle, and
// another login is to be refused. That is decided at the commit; this is for the handler, who can tell the visitor why.
func (p *principals) admit(ctx context.Context, name, handle string) error {
	if !p.refuses {
		return nil
	}
	list, _, err := p.load(ctx, name)
	if err != nil || list.Others(handle) < p.limit {
		return err
	}
	_, err = p.makeRoom(ctx, name, handle)
	return err
}

// logIn puts a session that logs in into the list, and returns the number of the login. The list lasts at least as long as
// idle. Beyond the limit other sessions end first, those that were used the longest ago, or the login is refused (rule P6).
func (p *principals) logIn(ctx context.Context, name string, entry principal.Session, idle time.Duration) (number uint64, err error) {
	var gone []principal.Session
	for range enterTries {
		number, err = changeList(ctx, p, name, idle, func(l *principal.List) (uint64, error) {
			l.Remove(gone)
			if p.limit > 0 && l.Others(entry.Handle) >= p.limit {
				return 0, p.tooMany()
			}
			return l.Enter(entry, time.Now()), nil
		})
		switch {
		case p.serveWithout(err):
			return uint64(time.Now().UnixMilli()), nil
		case !errors.Is(err, ErrTooManySessions):
			return number, err
		}
		if gone, err = p.makeRoom(ctx, name, entry.Handle); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: the principal logs in in many places at once", ErrConflict)
}

// serveWithout reports whether a login goes on although its list cannot be stored: a sticky instance that has no node at
// all goes on (rule L8), and the session comes into the list later (rule P5).
func (p *principals) serveWithout(err error) bool {
	return errors.Is(err, ErrUnavailable) && p.limit == 0 && p.sticky && !p.store.Cluster.Available()
}

// makeRoom returns sessions that can leave the list so that there is room for the one with the handle: those that have
// ended by themselves, and those that it ends.
func (p *principals) makeRoom(ctx context.Context, name, handle string) (gone []principal.Session, err error) {
	list, _, err := p.load(ctx, name)
	if err != nil {
		return nil, err
	}
	var living []sighting
	for _, s := range p.look(ctx, list.Sessions) {
		switch {
		case s.Handle == handle:
		case s.over:
			gone = append(gone, s.Session)
		default:
			living = append(living, s)
		}
	}
	surplus := len(living) + 1 - p.limit
	if surplus <= 0 {
		return gone, nil
	}
	if p.refuses {
		return nil, p.tooMany()
	}
	slices.SortFunc(living, func(a, b sighting) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.Number, b.Number)) })
	for _, s := range living[:surplus] {
		if err := p.end(ctx, s.Session); err != nil {
			return nil, err
		}
		gone = append(gone, s.Session)
	}
	return gone, nil
}

func (p *principals) tooMany() error {
	return fmt.Errorf("%w: %d at most", ErrTooManySessions, p.limit)
}
