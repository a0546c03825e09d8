package replica

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
)

// Put stores a record no matter what is under the token: nothing, a live record, an expired one, a tombstone, or copies that
// are all damaged. change
// makes it out of what was found, or out of a blank record if nothing was. The caller must see to it that the record
// that is replaced does not outlive the new one, or a stale copy of it could come back. Put returns the errors of
// Write, except ErrNoSession.
func (a *Access) Put(ctx context.Context, change Change) (*record.Record, error) {
	a.forgetOld()
	stored, err := a.write(ctx, overwriting, change)
	if errors.Is(err, ErrNoSession) {
		return a.create(ctx, overwriting, &record.Record{}, change)
	}
	return stored, err
}
