package msm

import (
	"errors"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// TestTheRecordOfAForeignValue checks that the record outlives every copy of an earlier value, which a node that was
// away may have.
func TestTheRecordOfAForeignValue(t *testing.T) {
	t.Parallel()
	now := time.Now()
	put := func(rec *record.Record, life time.Duration) {
		if err := (foreign{[]byte("v"), now.Add(life), true}).into(rec); err != nil {
			t.Fatal(err)
		}
	}
	rec := &record.Record{}
	put(rec, 40*time.Hour)
	put(rec, time.Minute)
	if !rec.Deadline.Equal(now.Add(40 * time.Hour)) {
		t.Errorf("it ends at %v, before the first value could", rec.Deadline)
	}
	if err := remainingLife(rec); err != nil || rec.IdleTimeout < 39*time.Hour {
		t.Errorf("%v: its tombstone lasts %v", err, rec.IdleTimeout)
	}
	if _, found, err := foreignIn(rec, now.Add(time.Minute)); found || err != nil {
		t.Errorf("the value is there after its time, %v", err)
	}
	put(rec, forever)
	if err := remainingLife(rec); err != nil || rec.IdleTimeout*21/20 < rec.IdleTimeout {
		t.Errorf("%v: a tombstone of %v cannot be calculated with", err, rec.IdleTimeout)
	}
}

func TestARecordThatHoldsNoForeignValue(t *testing.T) {
	t.Parallel()
	rec := &record.Record{}
	rec.Set(foreignBytes, []byte("v"))
	if value, found, err := foreignIn(rec, time.Now()); value != nil || found || !errors.Is(err, ErrUnreadable) {
		t.Errorf("%q, %v, %v", value, found, err)
	}
}
