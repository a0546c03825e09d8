package node

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/random"
)

// TestSeconds checks which expiration memcached is sent. (doc/protocol.txt: beyond 30 days it is a Unix time.)
func TestSeconds(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Unix(1_800_000_000, 5e8)
	for name, c := range map[string]struct {
		ttl  time.Duration
		want int32
	}{
		"none is for ever":                          {0, 0},
		"the least is a second, not for ever":       {1, 1},
		"a whole second stays one":                  {time.Second, 1},
		"parts of a second are rounded up":          {time.Second + 1, 2},
		"30 days are the most that is relative":     {30 * day, 30 * 24 * 60 * 60},
		"a moment less is rounded up to them":       {30*day - 1, 30 * 24 * 60 * 60},
		"a moment more is absolute, and rounded up": {30*day + 1, 1_800_000_000 + 30*24*60*60 + 1},
		"beyond 2038 is then":                       {20 * 365 * day, math.MaxInt32},
		"the longest there is":                      {math.MaxInt64, math.MaxInt32},
		"what is over is not 0, which is for ever":  {-1, -1},
		"long over": {math.MinInt64, -1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := seconds(c.ttl, now); got != c.want {
				t.Errorf("%d; want %d", got, c.want)
			}
		})
	}
}

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
