package principal

import "slices"

// Verdict is what of a list decides whether a session is over. The zero value lets all sessions live.
type Verdict struct {
	over uint64
	kept []string // handles of sessions that live although their number is over
}

// Verdict returns the list's. It does not change with the list.
func (l *List) Verdict() Verdict {
	v := Verdict{over: l.Over}
	for _, s := range l.Sessions {
		if s.Number <= l.Over {
			v.kept = append(v.kept, s.Handle)
		}
	}
	return v
}

// Lives reports whether a session goes on that has this handle, and whose last login has this number.
func (v Verdict) Lives(handle string, number uint64) bool {
	return number > v.over || slices.Contains(v.kept, handle)
}
