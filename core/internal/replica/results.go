package replica

import "github.com/gomsm/msm/core/internal/record"

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
func (r *Results[T]) Note(value T) { r.values[r.access.op.attempt] = value }

// Of returns the result of the attempt that is in the record, which Write has returned.
func (r *Results[T]) Of(stored *record.Record) T {
	attempt, _ := attemptOf(stored, r.request)
	return r.values[attempt]
}
