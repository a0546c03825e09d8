package replica

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
)

// Put stores a record whatever there is under the token: nothing, a live record, an expired one or a tombstone. change
// makes it out of what was found, which is a blank record if nothing was. The record that it replaces must not outlive
// the new one, or a stale copy of it could come back.
func (a *Access) Put(ctx context.Context, change Change) (*record.Record, error) {
	a.putting = true
	stored, err := a.Write(ctx, change)
	if errors.Is(err, ErrNoSession) {
		return a.create(ctx, &record.Record{}, change)
	}
	return stored, err
}
