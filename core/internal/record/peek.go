package record

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
