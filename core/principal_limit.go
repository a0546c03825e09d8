package msm

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/principal"
)

const (
	// enterTries is how often a login tries to get below the limit, while others log in as well.
	enterTries = 8
	// tidyFrom is how many sessions a list may have before a login has those looked for that have ended, once in tidyPause.
	tidyFrom  = 20
	tidyPause = time.Minute
)

// admit returns ErrTooManySessions if the principal has as many sessions as he may besides those with the handles, and
// another login is to be refused. That is decided at the commit; this is for the handler, who can tell the visitor why.
func (p *principals) admit(ctx context.Context, name string, own ...string) error {
	if !p.refuses {
		return nil
	}
	list, _, err := p.load(ctx, name)
	if errors.Is(err, ErrUnreadable) {
		return nil // the commit writes over it
	}
	if err != nil || list.Others(own...) < p.limit {
		return err
	}
	_, err = p.makeRoom(ctx, name, own...)
	return err
}

// entering is a login that is to come into the list of its principal.
type entering struct {
	name  string
	entry principal.Session
	seen  uint64        // the number of the session's login before; zero: there was none
	again bool          // it is a renewal of a session that has logged in, and no login
	idle  time.Duration // the list lasts at least that long unused
}

// entered is what has come of it.
type entered struct {
	principal.Session
	former *principal.Session // whose place it has taken in the list; nil: none
	length int                // of the list
}

// logIn puts a session that logs in into the list. Beyond the limit other sessions end first, those that were used the
// longest ago, or the login is refused (rule P6). A renewal of a session that DestroyAll has ended is ErrGone (rule P4).
func (p *principals) logIn(ctx context.Context, e entering) (in entered, err error) {
	var gone []principal.Session
	spare := rand.Text()
	for range enterTries {
		in, err = changeList(ctx, p, e.name, e.idle, func(l *principal.List) (in entered, err error) {
			if e.again && !l.Verdict().Lives(e.entry.Handle, e.seen) {
				return in, ErrGone
			}
			l.Remove(gone)
			if p.limit > 0 && l.Others(e.entry.Handle) >= p.limit {
				return in, p.tooMany()
			}
			in.Session, in.former = l.Enter(e.entry, e.seen, spare, time.Now())
			in.length = len(l.Sessions)
			return in, nil
		})
		switch {
		case p.serveWithout(err):
			in.Session = e.entry
			in.Number = uint64(time.Now().Add(2 * principal.Skew).UnixMilli()) // above what was over when a node was last seen
			return in, nil
		case errors.Is(err, ErrTooManySessions):
		default:
			if err == nil && in.length > tidyFrom && p.tidied.Pass(e.name, time.Now().Add(tidyPause)) {
				p.tidy(e.name)
			}
			return in, err
		}
		if gone, err = p.makeRoom(ctx, e.name, e.entry.Handle); err != nil {
			return in, err
		}
	}
	return in, fmt.Errorf("%w: the principal logs in in many places at once", ErrConflict)
}

// undo takes a login back whose session could not be stored.
func (p *principals) undo(name string, in entered) {
	p.inBackground(name, 0, func(l *principal.List) (changed bool) { return l.Undo(in.Session, in.former) })
}

// serveWithout reports whether a login goes on although the list cannot be stored, and the session comes into it later (rule
// P5): a sticky instance that has no node at all goes on (rule L8), and so does everybody if a newer program has written the
// list.
func (p *principals) serveWithout(err error) bool {
	switch {
	case err == nil || p.limit > 0:
		return false
	case errors.Is(err, ErrUnreadable):
		return true
	}
	return errors.Is(err, ErrUnavailable) && p.sticky && !p.store.Cluster.Available()
}

// makeRoom returns sessions that can leave the list so that there is room for one more besides those with the handles: those
// that have ended by themselves, and those that it ends.
func (p *principals) makeRoom(ctx context.Context, name string, own ...string) (gone []principal.Session, err error) {
	list, _, err := p.load(ctx, name)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(list.Sessions, func(s principal.Session) bool { return slices.Contains(own, s.Handle) })
	living, gone := p.look(ctx, others)
	surplus := len(living) + 1 - p.limit
	if surplus <= 0 {
		return gone, nil
	}
	if p.refuses {
		return nil, p.tooMany()
	}
	slices.SortFunc(living, sighting.compare)
	for _, s := range living {
		if surplus == 0 {
			break
		}
		if endErr := p.end(ctx, s.Session); endErr != nil { // its node may be away: another one ends
			err = endErr
			continue
		}
		gone = append(gone, s.Session)
		surplus--
	}
	if surplus > 0 {
		return nil, err
	}
	return gone, nil
}

// compare orders sessions by when they were used last; those of which nobody knows come last.
func (s sighting) compare(than sighting) int {
	if s.used.IsZero() != than.used.IsZero() {
		return cmp.Compare(than.used.Unix(), s.used.Unix())
	}
	return cmp.Or(s.used.Compare(than.used), cmp.Compare(s.Number, than.Number))
}

func (p *principals) tooMany() error {
	return fmt.Errorf("%w: %d at most", ErrTooManySessions, p.limit)
}
