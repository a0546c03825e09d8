package record

import (
	"slices"
	"time"
)

const (
	// StampLife is how long a stamp is kept at least, if not too many others come after it: far longer than a request tries.
	StampLife = time.Minute
	// keptStamps stay whatever their age. A record that descends from the home's last write must be able to show it
	// also when the session was idle in between; four, because several tries may follow that write.
	keptStamps = 4
	// keptWrites is enough to tell the tries that follow the home's last write. Requests have no bound but MaxStamps: one
	// that is not remembered any more while its sender still tries would be applied twice.
	keptWrites = 16
)

// Stamp is the random id of a write or of a request, and when it happened, to the second. The ID is never 0.
type Stamp struct {
	ID uint64
	At time.Time
}

// LastWrite returns the id of the newest write, 0 if there is none.
func (r *Record) LastWrite() uint64 { return last(r.Writes).ID }

// LastRequest returns the id of the newest request that changed the record, 0 if there is none.
func (r *Record) LastRequest() uint64 { return last(r.Requests).ID }

// last is the newest stamp, the zero one if there is none.
func last(stamps []Stamp) Stamp {
	if len(stamps) == 0 {
		return Stamp{}
	}
	return stamps[len(stamps)-1]
}

// HasWrite reports whether the record descends from that write, as far back as it remembers.
func (r *Record) HasWrite(id uint64) bool { return has(r.Writes, id) }

// Forgets reports whether the record may descend from an older one and not remember its last write: so many came after it that
// they are all it remembers, for versions grow with every write, and either they are as many as it ever does, or that write was
// a minute old when one of them came. Clocks differ by half of that at most.
func (r *Record) Forgets(old *Record) bool {
	n := uint64(len(r.Writes))
	if n < keptStamps || r.Version < old.Version+n {
		return false
	}
	return n >= keptWrites || last(r.Writes).At.Sub(last(old.Writes).At) >= StampLife/2-time.Second
}

// AddWrite appends a write. Of the older ones it drops those over 16, and those older than a minute except the newest. An id of 0 is
// no id and is ignored.
func (r *Record) AddWrite(id uint64, now time.Time) { r.Writes = add(r.Writes, id, now, keptWrites) }

// AddRequest appends a request that changed the session, by the rules of AddWrite, except that
// 64 are kept.
func (r *Record) AddRequest(id uint64, now time.Time) {
	r.Requests = add(r.Requests, id, now, MaxStamps)
}

func has(stamps []Stamp, id uint64) bool {
	return slices.ContainsFunc(stamps, func(s Stamp) bool { return s.ID == id })
}

func add(stamps []Stamp, id uint64, now time.Time, limit int) []Stamp {
	if id == 0 {
		return stamps
	}
	now = time.Unix(now.Unix(), 0) // as it will be read again
	stamps = prune(stamps, now, limit)
	return append(stamps, Stamp{id, now})
}

// prune makes room for one more: that one and keptStamps-1 before it are the newest.
func prune(stamps []Stamp, now time.Time, limit int) []Stamp {
	if over := len(stamps) + 1 - limit; over > 0 {
		stamps = slices.Delete(stamps, 0, over)
	}
	safe := max(0, len(stamps)-(keptStamps-1))
	kept := stamps[:0]
	for i, s := range stamps {
		// Whole seconds on both sides: a difference of 61 of them is more than a minute, one of 60 may be less.
		if i >= safe || now.Unix()-s.At.Unix() <= int64(StampLife/time.Second) {
			kept = append(kept, s)
		}
	}
	return kept
}
