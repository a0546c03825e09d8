package node

import (
	"math"
	"strings"
	"testing"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/random"
)

// FuzzParseEpoch checks that a value under the epoch key is accepted only if it is written exactly as an epoch is.
func FuzzParseEpoch(f *testing.F) {
	for _, text := range []string{"", "0", "00000000", "deadbeef", "DEADBEEF", "+1234567", "-0000001", "0x123456", "1_234567", "123456789", " 1234567", "\x00\x00\x00\x00\x00\x00\x00\x01"} {
		f.Add([]byte(text))
		f.Add([]byte(checksum.Text(text)))
	}
	f.Add(formatEpoch(1))
	f.Fuzz(func(t *testing.T, text []byte) {
		if e, ok := parseEpoch(text); ok && (e == 0 || !strings.EqualFold(string(text[:8]), string(formatEpoch(e)[:8]))) {
			t.Errorf("%q is taken for %x, which is written %q", text, e, formatEpoch(e))
		}
	})
}

func TestEveryEpochIsRead(t *testing.T) {
	for _, e := range []uint32{1, 0xf, 0x10, 1 << 31, math.MaxUint32} {
		if got, ok := parseEpoch(formatEpoch(e)); got != e || !ok {
			t.Errorf("%x is read as %x", e, got)
		}
	}
	for range 1000 {
		e := (*random.Source)(nil).Uint32()
		if got, ok := parseEpoch(formatEpoch(e)); e == 0 || got != e || !ok {
			t.Fatalf("%x is read as %x", e, got)
		}
	}
}
