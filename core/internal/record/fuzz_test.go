package record

import (
	"bytes"
	"errors"
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

// FuzzSealedBody: whatever was sealed, it is opened as what it says or counts as damaged, and nothing panics.
func FuzzSealedBody(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{flagCookie})
	f.Add(append([]byte{0}, full().appendBody(nil)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := sealer(t, "token", "name", 1)
		r := shut()
		r.closed = &closed{key: s.KeyID(), body: s.Seal(bytes.Clone(body), 0)}
		if err := r.Open(s); err != nil {
			if !errors.Is(err, ErrCorrupt) || !r.Closed() {
				t.Fatal(err)
			}
			return
		}
		again, _ := Decode(r.AppendSealed(nil, s))
		if err := again.Open(s); err != nil || !bytes.Equal(r.Append(nil), again.Append(nil)) {
			t.Errorf("%+v is written as %+v, %v", r, again, err)
		}
	})
}
