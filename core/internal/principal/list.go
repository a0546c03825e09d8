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
// itself. It returns the number of the login. If the list is full another session leaves it, which stays logged in.
func (l *List) Enter(s Session, now time.Time) (number uint64) {
	l.Last = max(l.Last+1, uint64(now.UnixMilli()))
	s.Number = l.Last
	if at := l.find(s.Handle); at >= 0 {
		old := l.Sessions[at]
		s.Address, s.Agent = cmp.Or(s.Address, old.Address), cmp.Or(s.Agent, old.Agent)
		l.Sessions[at] = s
		return s.Number
	}
	if !l.Full() || l.drop() {
		l.Sessions = append(l.Sessions, s)
	}
	return s.Number
}

// Return puts a living session into a list that has lost it. It returns false if there is no room, or nothing to do.
func (l *List) Return(s Session) bool {
	if l.Has(s.Handle) || l.Full() || s.Number <= l.Over {
		return false
	}
	l.Last = max(l.Last, s.Number)
	l.Sessions = append(l.Sessions, s)
	return true
}

// End ends all sessions but those with the handles that are kept, also the ones that the list does not have. It returns
// those that it had.
func (l *List) End(now time.Time, keep []string) (ended []Session) {
	l.Over = max(l.Last, uint64(now.Add(Skew).UnixMilli()))
	l.Last = l.Over
	l.Sessions = slices.DeleteFunc(l.Sessions, func(s Session) bool {
		over := !slices.Contains(keep, s.Handle)
		if over {
			ended = append(ended, s)
		}
		return over
	})
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

// Others returns how many sessions the list has besides that of the handle.
func (l *List) Others(handle string) int {
	if l.Has(handle) {
		return len(l.Sessions) - 1
	}
	return len(l.Sessions)
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
