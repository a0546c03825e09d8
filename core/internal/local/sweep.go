package local

import (
	"context"
	"time"
)

const sweepEvery = time.Second

// sweep removes sessions that have ended, until ctx ends.
func (c *cache) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for i := range c.shards {
				c.sweepShard(&c.shards[i], now)
			}
		}
	}
}

// sweepShard looks at the sessions that may be over, and returns how many these were. It looks at each session about
// once in its life.
func (c *cache) sweepShard(sh *shard, now time.Time) (looks int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for s := sh.looks.first(); s != nil && s.listed.lookAt <= now.UnixNano(); s = sh.looks.first() {
		looks++
		if s.over(now) {
			c.drop(sh, s)
			continue
		}
		s.listed.lookAt = s.ends() // it was used since
		sh.looks.moved(s)
	}
	return looks
}

// endsSooner is called when the session's life has become shorter, so that the sweep looks at it in time.
func (c *cache) endsSooner(s *Session) {
	sh := c.shard(s.token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.listed.place > 0 {
		s.listed.lookAt = s.ends()
		sh.looks.moved(s)
	}
}
