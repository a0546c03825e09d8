package replica

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// attemptBits are the lowest bits of a stored request id. They number the attempts of one Write, any of which may have
// been stored (rule R6). The other bits are the same in all of them.
const attemptBits = 1<<6 - 1

// newRequest returns a new request id, which is not 0 and has no number of an attempt.
func (s *Store) newRequest() uint64 {
	for {
		if id := s.Random.Uint64() &^ attemptBits; id != 0 {
			return id
		}
	}
}

// HasRequest reports whether the change of a request is in the record, as far back as the record remembers.
func HasRequest(rec *record.Record, request uint64) bool {
	_, ok := attemptOf(rec, request)
	return ok
}

// LastRequest returns the id of the newest request that changed the record, 0 if there is none.
func LastRequest(rec *record.Record) uint64 { return rec.LastRequest() &^ attemptBits }

// attemptOf returns the number of the attempt of a request that is in the record. It is false if none is.
func attemptOf(rec *record.Record, request uint64) (attempt uint64, ok bool) {
	i := slices.IndexFunc(rec.Requests, func(s record.Stamp) bool { return s.ID&^attemptBits == request })
	if i < 0 {
		return 0, false
	}
	return rec.Requests[i].ID & attemptBits, true
}
