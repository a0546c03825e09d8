package msm

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// The attributes of a record that holds a foreign value.
const (
	foreignExpiry = "expiry" // 8 bytes, Unix nanoseconds
	foreignBytes  = "value"
)

// forever is how long a value without expiry is kept: its tombstone has to outlive it, and memcached's clock of 32 bits
// has to hold both.
const forever = 10 * 365 * 24 * time.Hour

// foreign is a value of another library on its way into a record.
type foreign struct {
	value  []byte
	expiry time.Time
	final  bool // a deleted value stays deleted
}

// into makes the next record. The record outlives its value if an earlier value of the key was to live longer: an old
// copy of that one, on a node that was away, must not be all that is left.
func (f foreign) into(rec *record.Record) error {
	now := time.Now()
	if f.final && rec.Tombstone && !rec.Expired(now) {
		return ErrGone
	}
	if rec.Created.IsZero() {
		rec.Created = now
	}
	rec.Tombstone, rec.LastAccess, rec.IdleTimeout = false, now, 0
	if rec.Deadline.Before(f.expiry) {
		rec.Deadline = f.expiry
	}
	rec.Attributes = []record.Attribute{
		{Name: foreignExpiry, Value: binary.BigEndian.AppendUint64(nil, uint64(f.expiry.UnixNano()))},
		{Name: foreignBytes, Value: f.value},
	}
	return nil
}

// foreignIn answers the value in a record, if it has not expired.
func foreignIn(rec *record.Record, now time.Time) (value []byte, found bool, err error) {
	expiry, _ := rec.Get(foreignExpiry)
	value, ok := rec.Get(foreignBytes)
	if !ok || len(expiry) != 8 {
		return nil, false, fmt.Errorf("%w: it is no value of a Store", ErrUnreadable)
	}
	if now.UnixNano() >= int64(binary.BigEndian.Uint64(expiry)) {
		return nil, false, nil
	}
	return value, true, nil
}

// remainingLife says how long a tombstone may have to last: as long as a stale copy of the value could.
func remainingLife(rec *record.Record) error {
	rec.IdleTimeout = max(0, time.Until(rec.Deadline))
	return nil
}
