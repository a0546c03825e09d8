package memcache

import (
	"math"
	"testing"
	"time"
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
