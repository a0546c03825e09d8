package replica

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// attemptBits are the lowest bits of a stored request id: they number the attempts of one Write, of which any may have
// landed. Its other bits are the same for all.
const attemptBits = 1<<6 - 1

func (s *Store) newRequest() uint64 {
	for {
		if id := s.Random.Uint64() &^ attemptBits; id != 0 {
			return id
		}
	}
}

// Request is the id that a record has among its requests once the next Write of this access is in it; see HasRequest.
func (a *Access) Request() uint64 { return a.request }

// HasRequest reports whether the changes of a request are in the record, as far back as it remembers.
func HasRequest(rec *record.Record, request uint64) bool {
	_, ok := attemptOf(rec, request)
	return ok
}

// LastRequest is the id of the newest request that changed the record, 0 if there is none.
func LastRequest(rec *record.Record) uint64 { return rec.LastRequest() &^ attemptBits }

// attemptOf answers which attempt of a request is in the record.
func attemptOf(rec *record.Record, request uint64) (attempt uint64, ok bool) {
	i := slices.IndexFunc(rec.Requests, func(s record.Stamp) bool { return s.ID&^attemptBits == request })
	if i < 0 {
		return 0, false
	}
	return rec.Requests[i].ID & attemptBits, true
}

// Results remembers what a Change came to in each attempt of one Write, for who wants to know what was stored. It is not
// safe for concurrent use.
type Results[T any] struct {
	access  *Access
	request uint64
	values  map[uint64]T
}

// NewResults is for the next Write of the access.
func NewResults[T any](a *Access) *Results[T] {
	return &Results[T]{a, a.request, make(map[uint64]T)}
}

// Note takes, within the Change, what it came to.
func (r *Results[T]) Note(value T) { r.values[r.access.tried] = value }

// Of answers what the Change came to in what the Write has answered.
func (r *Results[T]) Of(stored *record.Record) T {
	attempt, _ := attemptOf(stored, r.request)
	return r.values[attempt]
}
