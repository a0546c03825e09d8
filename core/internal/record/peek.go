package record

// Rank tells which of two records of a session is newer: by term, then by version. Of two records with the same term
// and version, LastWrite tells whether they are the same write.
type Rank struct {
	Term, Version uint64
	LastWrite     uint64 // id of the newest write; 0: there is none
}

// Before reports whether other is newer: it has a later term, or the same term and a later version.
func (r Rank) Before(other Rank) bool {
	return r.Term < other.Term || r.Term == other.Term && r.Version < other.Version
}

// Beyond reports whether a caller that knows the record with the rank known does not know r yet: r is newer, or is
// another write of the same version.
func (r Rank) Beyond(known Rank) bool { return r != known && !r.Before(known) }

// Rank returns the record's rank.
func (r *Record) Rank() Rank { return Rank{r.Term, r.Version, r.LastWrite()} }

// Peek reads the rank of a stored record and nothing else, which is all that a writer needs to know of the copy that it
// is about to replace. The error is [ErrFormat] or [ErrCorrupt]. A sealed record is no error.
func Peek(b []byte) (Rank, error) {
	e, err := open(b)
	if err != nil {
		return Rank{}, err
	}
	in := reader{rest: string(e.texts[:e.placement])}
	rank := Rank{Term: in.uvarint(), Version: in.uvarint()}
	in.text()
	for range in.count(MaxCopies, 1+epochSize) {
		in.text()
		in.uint32()
	}
	for range in.count(MaxStamps, stampIDSize+1) {
		rank.LastWrite = in.uint64()
		in.varint()
	}
	if in.fault != "" {
		return Rank{}, corrupt("placement: " + in.fault)
	}
	return rank, nil
}
