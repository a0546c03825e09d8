package record

import (
	"encoding/binary"
	"slices"
	"time"
)

// EndTerm makes r the first record of a later term than the one that it was made from, whose rank it remembers. So a copy of
// an earlier term can be told to be older, exactly and without clocks.
func (r *Record) EndTerm(from Rank) {
	first := max(0, len(r.Past)+1-MaxPast)
	r.Past = append(slices.Clip(r.Past[first:]), from)
}

// Base returns the rank of the record, of an earlier term, that r's term began from; of the first term there is none.
func (r *Record) Base() Rank {
	if len(r.Past) == 0 {
		return Rank{}
	}
	return r.Past[len(r.Past)-1]
}

// Follows reports whether the record of that rank, of an earlier term, is one of those that r was made from, or a failed
// attempt beside them, as far back as r remembers.
func (r *Record) Follows(rank Rank) bool {
	for _, p := range r.Past {
		if p.Term == rank.Term {
			return rank == p || rank.Version < p.Version
		}
	}
	return len(r.Past) == MaxPast && rank.Term < r.Past[0].Term
}

// Misses reports whether the record of that rank, of an earlier term, went on after r's line had left that term, or was written
// beside its last: r does not have what it has. Of terms that r does not remember nothing is known.
func (r *Record) Misses(rank Rank) bool {
	for _, p := range r.Past {
		if p.Term == rank.Term {
			return rank != p && rank.Version >= p.Version
		}
	}
	return false
}

// Outlasts notes until when copies of a record may be around that r takes the place of: it may have had longer to live.
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
