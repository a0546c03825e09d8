package record

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/seal"
)

// sealer returns what seals the record of one session. Keys are numbered from 0.
func sealer(t testing.TB, token, name string, keys ...byte) *seal.Session {
	t.Helper()
	var list [][]byte
	for _, k := range keys {
		list = append(list, bytes.Repeat([]byte{k}, 32))
	}
	ring, err := seal.NewRing(list)
	if err != nil {
		t.Fatal(err)
	}
	return ring.Session(token, name)
}

// TestASealedRecordIsTheSame: SR-39. What was sealed and opened is what it was, whatever it has, and its size was known.
func TestASealedRecordIsTheSame(t *testing.T) {
	cookie, lasting := full(), full()
	cookie.Persist, cookie.CookieAt, cookie.Route = time.Hour, now, "a"
	cookie.Login = Login{At: now, Principal: "ann", Handle: "h1", Number: 1 << 40}
	lasting.IdleTimeout, lasting.Deadline = 0, time.Time{}
	for name, r := range map[string]*Record{
		"with everything": full(), "with a cookie": cookie, "that never ends": lasting, "like most": typical(), "with nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := sealer(t, "token", "msm:s:x", 1)
			b := r.AppendSealed([]byte("before"), s)[len("before"):]
			if len(b) != r.SealedSize() {
				t.Errorf("SealedSize() = %d, and it took %d bytes", r.SealedSize(), len(b))
			}
			got, err := Decode(b)
			if !errors.Is(err, ErrSealed) || !got.Closed() {
				t.Fatalf("%+v, %v", got, err)
			}
			if err := got.Open(s); err != nil || !reflect.DeepEqual(got, mustDecode(t, r.Append(nil))) {
				t.Errorf("%+v, %v; want %+v", got, err, r)
			}
		})
	}
}

// TestSealedRecordShowsItsPlacement: without the key, a record tells where its copies are and when it ends, and no more.
func TestSealedRecordShowsItsPlacement(t *testing.T) {
	b := shut().Append(nil)
	r, err := Decode(b)
	if !errors.Is(err, ErrSealed) || !reflect.DeepEqual(r, shut()) {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(b) != r.Size() {
		t.Errorf("Size() = %d, and it took %d bytes", r.Size(), len(b))
	}
	checkSpelling(t, b)

	whole := full()
	r, _ = Decode(whole.AppendSealed(nil, sealer(t, "token", "", 1)))
	if r.TTL(now) != whole.TTL(now) || r.Expired(now.Add(time.Minute)) || !r.Expired(now.Add(32*time.Minute)) {
		t.Errorf("it ends in %v; want %v", r.TTL(now), whole.TTL(now))
	}
	older := full()
	older.IdleTimeout = time.Minute
	if older.Outlasts(r, now); older.OldUntil.IsZero() {
		t.Error("what replaces it does not know how long it lives")
	}
	whole.IdleTimeout, whole.Deadline = 0, time.Time{}
	if r, _ = Decode(whole.AppendSealed(nil, sealer(t, "token", "", 1))); r.TTL(now) != 0 || r.Expired(now.Add(1e6*time.Hour)) {
		t.Errorf("a session that never ends ends in %v", r.TTL(now))
	}
}

// TestSealedRecordCanBeHealedUnread lets an instance without the key move the session to another node.
func TestSealedRecordCanBeHealedUnread(t *testing.T) {
	s := sealer(t, "token", "", 1)
	r, _ := Decode(full().AppendSealed(nil, s))
	r = r.Clone()
	r.Term, r.Copies, r.Unsettled = 4, []Copy{{"n3", 1}}, false
	r.EndTerm(Rank{3, 4711, 9})
	r.AddWrite(99, now)
	healed, err := Decode(r.Append(nil))
	if !errors.Is(err, ErrSealed) || healed.Term != 4 || healed.LastWrite() != 99 {
		t.Fatalf("%+v, %v", healed, err)
	}
	if err := healed.Open(s); err != nil || !reflect.DeepEqual(healed.Attributes, full().Attributes) {
		t.Errorf("%+v, %v", healed, err)
	}
}

// TestWhatIsNotSealedHere: T-07. A body that was sealed for another session, under another name or with another key, or
// that was changed in any bit, is not opened. An unknown key is told from that: it may be a newer one.
func TestWhatIsNotSealedHere(t *testing.T) {
	b := full().AppendSealed(nil, sealer(t, "token", "msm:s:x", 1))
	for name, c := range map[string]struct {
		reader *seal.Session
		want   error
	}{
		"by its own reader":           {sealer(t, "token", "msm:s:x", 1), nil},
		"after a rotation":            {sealer(t, "token", "msm:s:x", 2, 1), nil},
		"of another session":          {sealer(t, "other", "msm:s:x", 1), ErrCorrupt},
		"under another name":          {sealer(t, "token", "msm:l:x", 1), ErrCorrupt},
		"with a key that is not here": {sealer(t, "token", "msm:s:x", 2), ErrSealed},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := Decode(b)
			if err := r.Open(c.reader); !errors.Is(err, c.want) || r.Closed() != (c.want != nil) {
				t.Errorf("%v; closed: %v", err, r.Closed())
			}
		})
	}
	reader := sealer(t, "token", "msm:s:x", 1)
	for i := range len(b) - checksum.Size {
		for bit := range 8 {
			changed := bytes.Clone(b)
			changed[i] ^= 1 << bit
			r, err := Decode(withChecksum(changed))
			if !errors.Is(err, ErrSealed) {
				continue
			}
			body := len(b) - checksum.Size - seal.Overhead - 1 - lengthSize
			if err := r.Open(reader); err == nil && i >= body {
				t.Errorf("bit %d of byte %d makes no difference", bit, i)
			}
			if err == nil && !r.Closed() && !reflect.DeepEqual(r.Attributes, full().Attributes) {
				t.Errorf("bit %d of byte %d changes what is in it", bit, i)
			}
		}
	}
}

// TestNothingShowsThroughTheSeal: CS-04.
func TestNothingShowsThroughTheSeal(t *testing.T) {
	r := full()
	r.Set("canary", []byte("canary"))
	a, b := r.AppendSealed(nil, sealer(t, "token", "", 1)), r.AppendSealed(nil, sealer(t, "token", "", 1))
	if bytes.Contains(a, []byte("canary")) || bytes.Contains(a, []byte("cbor")) || bytes.Equal(a, b) {
		t.Errorf("%q", a)
	}
}

func TestEmptySealIsCorrupt(t *testing.T) {
	b := shut().Append(nil)
	b = append(b[:len(b)-len("ciphertext")-checksum.Size], 0, 0, 0, 0)
	if r, err := Decode(withChecksum(b)); !errors.Is(err, ErrCorrupt) || r != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestStrip: a record that cannot be read can be ended.
func TestStrip(t *testing.T) {
	r := shut()
	r.Strip()
	r.Tombstone = true
	if got := mustDecode(t, r.Append(nil)); got.Closed() || !got.Tombstone || got.Rank() != shut().Rank() {
		t.Errorf("%+v", got)
	}
}

// BenchmarkSeal seals 2 KiB and opens them again, as a request does that changes its session.
func BenchmarkSeal(b *testing.B) {
	r := typical()
	r.Set("large", make([]byte, 1500))
	ring, err := seal.NewRing([][]byte{make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s := ring.Session("token", "msm:s:x")
		value := r.AppendSealed(nil, s)
		got, _ := Decode(value)
		if err := got.Open(s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlain is the same without a seal.
func BenchmarkPlain(b *testing.B) {
	r := typical()
	r.Set("large", make([]byte, 1500))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(r.Append(nil)); err != nil {
			b.Fatal(err)
		}
	}
}
