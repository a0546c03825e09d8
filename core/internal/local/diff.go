package local

import (
	"bytes"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// diff returns the change that sets what differs between base and now to what it is in now. It stands for changes
// that are too many to be remembered, and never returns an error. Where another instance has changed the same attribute
// to another value, it overwrites that, and calls clash.
func diff(base, now *record.Record, clash func()) replica.Change {
	return func(rec *record.Record) error {
		for _, a := range now.Attributes {
			if !sameValue(base, now, a.Name) {
				if !sameValue(base, rec, a.Name) && !sameValue(now, rec, a.Name) {
					clash()
				}
				rec.Set(a.Name, a.Value)
			}
		}
		for _, a := range base.Attributes {
			if _, kept := now.Get(a.Name); !kept {
				rec.Delete(a.Name)
			}
		}
		if now.IdleTimeout != base.IdleTimeout {
			rec.IdleTimeout = now.IdleTimeout
		}
		if now.Persist != base.Persist {
			rec.Persist = now.Persist
		}
		return nil
	}
}

// sameValue reports whether an attribute is the same in both records.
func sameValue(a, b *record.Record, name string) bool {
	x, inA := a.Get(name)
	y, inB := b.Get(name)
	return inA == inB && bytes.Equal(x, y)
}

// sameValues reports whether both records have the same attributes and settings.
func sameValues(a, b *record.Record) bool {
	if len(a.Attributes) != len(b.Attributes) || a.IdleTimeout != b.IdleTimeout || a.Persist != b.Persist {
		return false
	}
	for i, x := range a.Attributes {
		if y := b.Attributes[i]; x.Name != y.Name || !bytes.Equal(x.Value, y.Value) {
			return false
		}
	}
	return true
}
