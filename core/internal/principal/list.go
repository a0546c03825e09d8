// Package principal has the list of a principal's sessions, as it is stored on the nodes: where somebody is logged in. It
// knows nothing of nodes.
//
// A list may have lost sessions: it is bounded, and whoever has lost the nodes has lost it. So the logins of a principal
// are numbered, each session has the number of its login, and the list says up to which number all sessions are over. That
// ends those that the list has lost, too (rules P3 and P4).
package principal

import (
	"cmp"
	"slices"
	"time"
)

// Max is how many sessions a list has. An entry takes some 110 bytes, without what is said of the client.
const Max = 100

// Skew is how much the clocks of instances may differ: numbers of a list that was lost may be that far ahead.
const Skew = time.Minute

// List is what is stored for a principal. The zero value is that of somebody who has never logged in. It is not safe for
// concurrent use.
type List struct {
	Last     uint64    `cbor:"1,keyasint,omitempty"` // the number of the last login
	Over     uint64    `cbor:"2,keyasint,omitempty"` // sessions whose login has this number or an earlier one are over, unless they are listed
	Sessions []Session `cbor:"3,keyasint,omitempty"`
}

// Session is an entry of a list.
type Session struct {
	Handle  string    `cbor:"1,keyasint"` // its name in the list, which is no id and stays when the id changes
	Number  uint64    `cbor:"2,keyasint"` // of its last login
	Key     []byte    `cbor:"3,keyasint"` // the hash of its token: enough to end it, not enough to use it
	Node    string    `cbor:"4,keyasint,omitempty"`
	Route   string    `cbor:"5,keyasint,omitempty"`
	Created time.Time `cbor:"6,keyasint,omitzero"`
	Login   time.Time `cbor:"7,keyasint"`
	Address string    `cbor:"8,keyasint,omitempty"` // of the client, and its name, if the application has told
	Agent   string    `cbor:"9,keyasint,omitempty"`
}

// Enter puts a session that logs in into the list, in place of its earlier entry, of which it keeps what it does not say
// itself. seen is the number that the session had until now; zero: it is new. If its entry has another number, the session
// has logged in twice at the same moment: then this one gets the handle spare, and an entry of its own. If the list is full
// another session leaves it, which stays logged in. Enter returns the entry, and the one whose place it has taken.
func (l *List) Enter(s Session, seen uint64, spare string, now time.Time) (entered Session, former *Session) {
	l.Last = max(l.Last+1, uint64(now.UnixMilli()))
	s.Number = l.Last
	at := l.find(s.Handle)
	if at >= 0 && l.Sessions[at].Number != seen {
		s.Handle, at = spare, -1
	}
	switch {
	case at >= 0:
		old := l.Sessions[at]
		s.Address, s.Agent = cmp.Or(s.Address, old.Address), cmp.Or(s.Agent, old.Agent)
		l.Sessions[at], former = s, &old
	case !l.Full() || l.drop():
		l.Sessions = append(l.Sessions, s)
	}
	return s, former
}

// Undo takes back what Enter has done.
func (l *List) Undo(entered Session, former *Session) (changed bool) {
	at := l.find(entered.Handle)
	switch {
	case at < 0 || l.Sessions[at].Number != entered.Number:
		return false
	case former == nil:
		l.Sessions = slices.Delete(l.Sessions, at, at+1)
	default:
		l.Sessions[at] = *former
	}
	return true
}

// Return puts a living session into a list that has lost it. It returns false if there is no room, or nothing to do.
func (l *List) Return(s Session) (changed bool) {
	if l.Has(s.Handle) || l.Full() || s.Number <= l.Over {
		return false
	}
	l.Last = max(l.Last, s.Number)
	l.Sessions = append(l.Sessions, s)
	return true
}

// End ends all sessions but those with the handles that are kept, also the ones that the list does not have. own is one of
// those that are kept, which the list may have lost; nil: there is none. End returns the sessions that have ended and that
// the list had.
func (l *List) End(now time.Time, keep []string, own *Session) (ended []Session) {
	l.Over = max(l.Last, uint64(now.Add(Skew).UnixMilli()))
	l.Last = l.Over
	l.Sessions = slices.DeleteFunc(l.Sessions, func(s Session) bool {
		over := !slices.Contains(keep, s.Handle)
		if over {
			ended = append(ended, s)
		}
		return over
	})
	if own != nil && !l.Has(own.Handle) && !l.Full() {
		l.Sessions = append(l.Sessions, *own)
	}
	return ended
}

// Remove takes out those of the sessions that have not logged in again since.
func (l *List) Remove(gone []Session) (changed bool) {
	before := len(l.Sessions)
	l.Sessions = slices.DeleteFunc(l.Sessions, func(s Session) bool {
		return slices.ContainsFunc(gone, func(g Session) bool { return g.Handle == s.Handle && g.Number == s.Number })
	})
	return len(l.Sessions) < before
}

// Others returns how many sessions the list has besides those with the handles.
func (l *List) Others(than ...string) (n int) {
	for _, s := range l.Sessions {
		if !slices.Contains(than, s.Handle) {
			n++
		}
	}
	return n
}

// Full reports whether there is no room for another session.
func (l *List) Full() bool { return len(l.Sessions) >= Max }

// Has reports whether the session is listed.
func (l *List) Has(handle string) bool { return l.find(handle) >= 0 }

func (l *List) find(handle string) int {
	return slices.IndexFunc(l.Sessions, func(s Session) bool { return s.Handle == handle })
}

// drop takes out the session whose login is the longest ago. It leaves those that live only because they are listed, and
// returns false if there are no others.
func (l *List) drop() bool {
	oldest := -1
	for i, s := range l.Sessions {
		if s.Number > l.Over && (oldest < 0 || s.Number < l.Sessions[oldest].Number) {
			oldest = i
		}
	}
	if oldest < 0 {
		return false
	}
	l.Sessions = slices.Delete(l.Sessions, oldest, oldest+1)
	return true
}
