package local

import (
	"context"
	"time"
)

// sweep removes sessions that have ended, until ctx ends.
func (st *Store) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for i := range st.shards {
				st.sweepShard(&st.shards[i], now)
			}
		}
	}
}

// sweepShard looks at the sessions that may be over, and returns how many these were. It looks at each session about
// once in its life.
func (st *Store) sweepShard(sh *shard, now time.Time) (looks int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for s := sh.looks.first(); s != nil && s.lookAt <= now.UnixNano(); s = sh.looks.first() {
		looks++
		if s.over(now) {
			st.remove(sh, s)
			continue
		}
		s.lookAt = s.ends() // it was used since
		sh.looks.moved(s)
	}
	return looks
}

// endsSooner is called when the session's life has become shorter, so that the sweep looks at it in time.
func (st *Store) endsSooner(s *Session) {
	sh := st.shard(s.token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.lookPlace > 0 {
		s.lookAt = s.ends()
		sh.looks.moved(s)
	}
}
