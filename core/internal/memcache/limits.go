package memcache

import (
	"context"
	"math"
	"strings"
	"time"
)

// Memcached's limits (its doc/protocol.txt).
const (
	maxKey      = 250
	relativeTTL = 30 * 24 * time.Hour // a longer one is sent as a Unix time
)

// usable returns an error if the request is over or the key is one that memcached would misunderstand.
func usable(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !legal(key) {
		return errKey
	}
	return nil
}

func legal(key string) bool {
	return key != "" && len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// seconds converts a TTL to what memcached expects: whole seconds, rounded up so that nothing ends early; a Unix time
// beyond 30 days, because memcached takes larger numbers for one; and -1 for a negative TTL.
func seconds(ttl time.Duration, now time.Time) int32 {
	switch {
	case ttl == 0:
		return 0
	case ttl < 0:
		return -1
	case ttl <= relativeTTL:
		return int32((ttl + time.Second - 1) / time.Second)
	}
	return int32(min(now.Add(ttl).Unix()+1, math.MaxInt32))
}
