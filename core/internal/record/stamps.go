package record

import (
	"slices"
	"time"
)

const (
	// StampLife is how long a stamp is kept at least, unless too many others follow. It is far longer than a request
	// keeps trying.
	StampLife = time.Minute
	// keptStamps is how many of the newest stamps are kept whatever their age. A record must be able to show that it
	// descends from the last write on its home (the primary), also when the session was idle in between. It is four
	// because several attempts may follow that write.
	keptStamps = 4
	// keptWrites is the most writes that a record remembers. They are enough to recognize the attempts that follow the
	// home's last write. Requests are limited by MaxStamps only: a request that is forgotten while its sender still
	// tries would be applied twice.
	keptWrites = 16
)

// LastWrite returns the id of the newest write, or 0 if there is none.
func (r *Record) LastWrite() uint64 { return last(r.Writes).ID }

// Rank returns the record's rank.
func (r *Record) Rank() Rank { return Rank{r.Term, r.Version, r.LastWrite()} }

// SameAs reports whether both are the same write of a session: nobody wrote between them.
func (r *Record) SameAs(other *Record) bool { return r.Rank() == other.Rank() }

// LastRequest returns the id of the newest request that changed the record, or 0 if there is none.
func (r *Record) LastRequest() uint64 { return last(r.Requests).ID }

// last returns the newest stamp, or the zero Stamp if there is none.
func last(stamps []Stamp) Stamp {
	if len(stamps) == 0 {
		return Stamp{}
	}
	return stamps[len(stamps)-1]
}

// HasWrite reports whether the record descends from the write with that id, as far back as it remembers.
func (r *Record) HasWrite(id uint64) bool { return has(r.Writes, id) }

// Forgets reports whether r may descend from old although it does not remember old's last write. Two things must hold.
// By their number, all writes that r remembers came after that one, since every write increases the version. And they
// are as many as a record keeps, or old's last write may have been a minute old when the last of them came: half a
// minute by the times in the stamps, since clocks may differ by the other half.
func (r *Record) Forgets(old *Record) bool {
	n := uint64(len(r.Writes))
	if n < keptStamps || r.Version < old.Version+n {
		return false
	}
	return n >= keptWrites || last(r.Writes).At.Sub(last(old.Writes).At) >= StampLife/2-time.Second
}

// AddWrite appends the id of a write. It drops the oldest stamps beyond 16, and those older than a minute except for
// the newest four. An id of 0 is ignored.
func (r *Record) AddWrite(id uint64, now time.Time) { r.Writes = add(r.Writes, id, now, keptWrites) }

// AddRequest appends the id of a request that changed the session, by the rules of AddWrite, but keeps up to 64.
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
	now = time.Unix(now.Unix(), 0) // as it is when it is decoded
	stamps = prune(stamps, now, limit)
	return append(stamps, Stamp{id, now})
}

// prune makes room for one more stamp. That one and the keptStamps-1 before it are the newest ones.
func prune(stamps []Stamp, now time.Time, limit int) []Stamp {
	if over := len(stamps) + 1 - limit; over > 0 {
		stamps = slices.Delete(stamps, 0, over)
	}
	safe := max(0, len(stamps)-(keptStamps-1))
	kept := stamps[:0]
	for i, s := range stamps {
		// Both times are cut to whole seconds: a difference of 61 is more than a minute, one of 60 may be less.
		if i >= safe || now.Unix()-s.At.Unix() <= int64(StampLife/time.Second) {
			kept = append(kept, s)
		}
	}
	return kept
}
