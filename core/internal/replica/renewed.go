package replica

import (
	"context"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// errBuried is the ErrNoSession of a session of which a tombstone was found.
var errBuried = fmt.Errorf("%w", ErrNoSession)

// ErrRenewed is the ErrNoSession of a session that a login has given another id a moment ago: its client has that by now, or
// is about to get it.
var ErrRenewed = fmt.Errorf("%w: it goes on under another id", errBuried)

// renewalTime is how long a renewed session is told from one that is just gone. By then the answers of all requests have
// arrived that were under way at the login.
const renewalTime = 30 * time.Second

// renewalMark is the attribute of a tombstone that a login has written. Who does not know it finds a tombstone like any other.
const renewalMark = "renewed"

// Renewed ends the session as Destroy does, for its values go on under another id.
func (a *Access) Renewed(ctx context.Context, last Change) error {
	a.renewed = true
	return a.Destroy(ctx, last)
}

// gone is what a look for a session ends with that has expired, or of which a tombstone is left.
func (a *Access) gone(rec *record.Record) error {
	if !rec.Tombstone {
		return ErrNoSession
	}
	if _, renewed := rec.Get(renewalMark); renewed && a.store.Clock().Sub(rec.LastAccess) < renewalTime {
		return ErrRenewed
	}
	return errBuried
}
