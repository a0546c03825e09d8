package principal

import "slices"

// Verdict is what an instance remembers of a list: which sessions are over, and which it has. The zero value lets all live.
type Verdict struct {
	over    uint64
	handles []string
	full    bool
}

// Verdict returns the list's. It does not change with the list.
func (l *List) Verdict() Verdict {
	v := Verdict{over: l.Over, full: l.Full()}
	for _, s := range l.Sessions {
		v.handles = append(v.handles, s.Handle)
	}
	return v
}

// Lives reports whether a session goes on that has this handle, and whose last login has this number.
func (v Verdict) Lives(handle string, number uint64) bool {
	return number > v.over || v.has(handle)
}

// Lacks reports whether the list has room for the session and does not have it.
func (v Verdict) Lacks(handle string) bool { return !v.full && !v.has(handle) }

func (v Verdict) has(handle string) bool { return slices.Contains(v.handles, handle) }
