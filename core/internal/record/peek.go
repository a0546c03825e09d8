package record

// Rank is what tells which of two records is newer.
type Rank struct {
	Term, Version uint64
	LastWrite     uint64 // id of the newest write, 0 if there is none
}

// Before reports whether the other one is newer, by term and then by version.
func (r Rank) Before(other Rank) bool {
	return r.Term < other.Term || r.Term == other.Term && r.Version < other.Version
}

// Beyond reports whether r is what who knows the other one does not know of: newer, or another write of the same version.
func (r Rank) Beyond(known Rank) bool { return r != known && !r.Before(known) }

// Rank returns the record's rank.
func (r *Record) Rank() Rank { return Rank{r.Term, r.Version, r.LastWrite()} }

// Peek reads the rank of a stored record and nothing else: that is all a writer needs of the copy that it is about to
// replace. The error is [ErrFormat] or [ErrCorrupt]; a seal does not matter.
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
