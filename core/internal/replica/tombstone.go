package replica

import (
	"errors"
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

// unlessGone returns nil for a session that is gone, and every other error as it is.
func unlessGone(err error) error {
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}

// tombstoneMargin is how much longer a tombstone lasts than the session would have: as much as clocks may differ, and
// some time for a write that began before the end.
const tombstoneMargin = time.Minute

// tombstoneEnd returns until when a tombstone has to last (rule W20). Stale copies may lie on nodes that someone had to
// do without, instances may hold the session in memory, and handlers that began before the logout may still run. The
// tombstone must outlive them all.
func (a *Access) tombstoneEnd(next *record.Record) time.Time {
	end := a.store.Clock().Add(next.Idle()).Add(next.Idle()/20 + tombstoneMargin) // one by one they do not overflow
	if next.OldUntil.After(end) {
		return next.OldUntil.Add(tombstoneMargin)
	}
	return end
}
