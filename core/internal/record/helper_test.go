package record

import (
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
)

// now is the time at which everything in these tests happens.
var now = time.UnixMilli(1_790_000_000_123)

// full returns a record in which everything is set.
func full() *Record {
	return &Record{
		Unsettled: true,
		Term:      3, Version: 4711, Home: "n1",
		Copies:   []Copy{{"n1", 0xdeadbeef}, {"n2", 7}},
		Writes:   []Stamp{{0x0102030405060708, second(-70)}, {9, second(-1)}},
		Requests: []Stamp{{10, second(0)}},
		Created:  now.Add(-time.Hour), LastAccess: now,
		IdleTimeout: 30 * time.Minute, Deadline: now.Add(12 * time.Hour),
		Transcoder: "cbor",
		Attributes: []Attribute{{"cart", []byte("\x82\x01\x02")}, {"user", []byte("\x63bob")}, {"visits", []byte("\x05")}},
	}
}

func second(n int64) time.Time { return time.Unix(now.Unix()+n, 0) }

// shut returns what a sealed record is for an instance without the key.
func shut() *Record {
	r := full()
	return &Record{
		Term: r.Term, Version: r.Version, Home: r.Home, Copies: r.Copies, Writes: r.Writes, Requests: r.Requests,
		closed: &closed{key: 5, body: []byte("ciphertext"), ends: now.Add(time.Hour)},
	}
}

// typical returns a record like most: ten attributes of forty bytes, two copies, a few stamps.
func typical() *Record {
	r := full()
	r.Attributes = nil
	for i := range 10 {
		r.Set(fmt.Sprintf("attribute%d", i), make([]byte, 40))
	}
	return r
}

// withChecksum corrects the checksum, for tests that have to get past it.
func withChecksum(b []byte) []byte {
	if len(b) < checksum.Size {
		return b
	}
	return checksum.Append(b[: len(b)-checksum.Size : len(b)-checksum.Size])
}

func mustDecode(t testing.TB, b []byte) *Record {
	t.Helper()
	r, err := Decode(b)
	if err != nil {
		t.Fatalf("Decode(%x): %v", b, err)
	}
	return r
}
