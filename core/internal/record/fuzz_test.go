package record

import (
	"bytes"
	"testing"
)

// FuzzDecode checks that no bytes make Decode panic, and that what it accepts is encoded in the only possible way. Each
// input is tried as it is, and with a right checksum, without which Decode hardly looks at anything.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		checkSpelling(t, b)
		checkSpelling(t, withChecksum(bytes.Clone(b)))
	})
}

// FuzzParts is FuzzDecode with right lengths too, so that the fuzzer gets to the fields.
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
