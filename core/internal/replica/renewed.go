package replica

import (
	"context"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// errBuried is the ErrNoSession of a session of which a tombstone was found.
var errBuried = fmt.Errorf("%w", ErrNoSession)

// ErrRenewed is the ErrNoSession of a session that a login has given another id a moment ago: its client has the new id
// already, or is about to get it.
var ErrRenewed = fmt.Errorf("%w: it goes on under another id", errBuried)

// renewalTime is how long a renewed session is told apart from one that is gone. By then the answers to all requests
// that were under way at the login have arrived.
const renewalTime = 30 * time.Second

// renewalMark is the attribute of a tombstone that a login has written. A program that does not know it finds a
// tombstone like any other.
const renewalMark = "renewed"

// Renewed ends the session as Destroy does, because its values go on under another id.
func (a *Access) Renewed(ctx context.Context, last Change) error {
	a.renewed = true
	return a.Destroy(ctx, last)
}

// gone returns the error of a look that found an expired record or a tombstone (rule E12).
func (a *Access) gone(rec *record.Record) error {
	if !rec.Tombstone {
		return ErrNoSession
	}
	if _, renewed := rec.Get(renewalMark); renewed && a.store.Clock().Sub(rec.LastAccess) < renewalTime {
		return ErrRenewed
	}
	return errBuried
}
