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
