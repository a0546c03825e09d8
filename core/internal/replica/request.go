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

// Request returns the id that a record has among its requests once the next Write of this access is in it; see
// HasRequest.
func (a *Access) Request() uint64 { return a.request }

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

// Results remembers what a Change resulted in, in each attempt of one Write, for callers that have to know what belongs
// to the record that was stored. It is not safe for concurrent use.
type Results[T any] struct {
	access  *Access
	request uint64
	values  map[uint64]T
}

// NewResults returns the results of the next Write of the access.
func NewResults[T any](a *Access) *Results[T] {
	return &Results[T]{a, a.request, make(map[uint64]T)}
}

// Note takes the result of the present attempt. The Change calls it.
func (r *Results[T]) Note(value T) { r.values[r.access.tried] = value }

// Of returns the result of the attempt that is in the record, which Write has returned.
func (r *Results[T]) Of(stored *record.Record) T {
	attempt, _ := attemptOf(stored, r.request)
	return r.values[attempt]
}
