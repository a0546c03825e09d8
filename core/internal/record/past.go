package record

import (
	"encoding/binary"
	"slices"
	"time"
)

// EndTerm records the rank of the record that r was made from. The caller does so if r is the first record of a later
// term. With these ranks a copy of an earlier term is recognized as older, exactly and without clocks. The last MaxPast
// are kept.
func (r *Record) EndTerm(from Rank) {
	first := max(0, len(r.Past)+1-MaxPast)
	r.Past = append(slices.Clip(r.Past[first:]), from)
}

// Base returns the rank of the record that r's term began from, which is of an earlier term. In the first term it is
// the zero Rank.
func (r *Record) Base() Rank {
	if len(r.Past) == 0 {
		return Rank{}
	}
	return r.Past[len(r.Past)-1]
}

// Follows reports whether the record with the given rank, which is of an earlier term, is an ancestor of r or a failed
// attempt beside one. It knows the terms in r.Past only; if Past is full, every record of a term before those counts as
// an ancestor.
func (r *Record) Follows(rank Rank) bool {
	for _, p := range r.Past {
		if p.Term == rank.Term {
			return rank == p || rank.Version < p.Version
		}
	}
	return len(r.Past) == MaxPast && rank.Term < r.Past[0].Term
}

// Misses reports whether r lacks what the record with the given rank has, which is of an earlier term: it was written
// after r's line of ancestors had left that term, it is another write of the version at which they left it, or it is of a
// term that they have passed over, between r's own and its Base. For a term before those in r.Past it returns false:
// nothing is known.
func (r *Record) Misses(rank Rank) bool {
	for _, p := range r.Past {
		if p.Term == rank.Term {
			return rank != p && rank.Version >= p.Version
		}
	}
	return len(r.Past) > 0 && r.Base().Term < rank.Term && rank.Term < r.Term
}

// Outlasts sets r.OldUntil for a record r that replaces old: copies of old, or of records before it, may have had a
// longer time to live than r. OldUntil becomes zero if r lives as long as they do, or if they have ended by now.
func (r *Record) Outlasts(old *Record, now time.Time) {
	until := old.OldUntil
	if end, ok := old.End(old.LastAccess); ok && end.After(until) {
		until = end
	}
	if end, ok := r.End(r.LastAccess); !ok || !until.After(end) || !until.After(now) {
		until = time.Time{}
	}
	r.OldUntil = until
}

func (r *Record) hasPast() bool { return len(r.Past) > 0 || !r.OldUntil.IsZero() }

func (r *Record) appendPast(b []byte) []byte {
	b = appendTime(b, r.OldUntil)
	b = binary.AppendUvarint(b, uint64(len(r.Past)))
	for _, p := range r.Past {
		b = binary.AppendUvarint(b, p.Term)
		b = binary.AppendUvarint(b, p.Version)
		b = binary.BigEndian.AppendUint64(b, p.LastWrite)
	}
	return b
}

func (r *Record) readPast(in *reader) {
	r.OldUntil = in.time()
	if n := in.count(MaxPast, 2+stampIDSize); n > 0 {
		r.Past = make([]Rank, n, min(n+1, MaxPast))
	}
	for i := range r.Past {
		r.Past[i] = Rank{Term: in.uvarint(), Version: in.uvarint(), LastWrite: in.uint64()}
	}
	if !r.hasPast() {
		in.fail("a past of which nothing is said")
	}
}
