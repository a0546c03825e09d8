package msm

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// The attributes of a record that holds a foreign value, which is a value of a Store.
const (
	foreignExpiry = "expiry" // 8 bytes, Unix nanoseconds
	foreignBytes  = "value"
)

// forever is how long a value without expiry is kept. Its tombstone has to outlive it, and memcached's clock of 32 bits
// has to hold both.
const forever = 10 * 365 * 24 * time.Hour

// foreign is a value of another library, to be put into a record.
type foreign struct {
	value  []byte
	expiry time.Time
	final  bool // a deleted value stays deleted
}

// into makes a record the next one of its key. The record outlives its value if an earlier value was to live longer:
// else an old copy of that one, on a node that was away, could be all that is left (rule W18).
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

// foreignIn returns the value in a record, and whether there is one that has not expired.
func foreignIn(rec *record.Record, now time.Time) (value []byte, found bool, err error) {
	expiry, _ := rec.Get(foreignExpiry)
	value, ok := rec.Get(foreignBytes)
	if !ok || len(expiry) != 8 {
		return nil, false, fmt.Errorf("%w: the session under this key is no value of a Store", ErrUnreadable)
	}
	if now.UnixNano() >= int64(binary.BigEndian.Uint64(expiry)) {
		return nil, false, nil
	}
	return value, true, nil
}

// remainingLife makes a tombstone last as long as a stale copy of the value may.
func remainingLife(rec *record.Record) error {
	rec.IdleTimeout = max(0, time.Until(rec.Deadline))
	return nil
}
