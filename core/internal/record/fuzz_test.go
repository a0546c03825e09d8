package record

import (
	"bytes"
	"testing"
)

// FuzzDecode: no bytes panic, and what is accepted has this one spelling. The input is tried as it is, and with a right
// checksum, without which hardly anything would be looked at.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		checkSpelling(t, b)
		checkSpelling(t, withChecksum(bytes.Clone(b)))
	})
}

// FuzzParts is FuzzDecode with right lengths too, so that the fuzzer comes to the fields.
func FuzzParts(f *testing.F) {
	f.Fuzz(func(t *testing.T, placement, names, values []byte) {
		b := raw(placement, names, values)
		checkSpelling(t, b)
		r, err := Decode(b)
		if err != nil {
			return
		}
		r.AddWrite(1, now)
		r.Set("name", []byte("value"))
		_, _ = r.Expired(now), r.TTL(now)
		mustDecode(t, r.Append(nil))
	})
}
