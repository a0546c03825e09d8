package local

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// clocks are the times of a session, in Unix nanoseconds. They are read and set without a lock.
type clocks struct {
	deadline  int64        // when it ends in any case; 0: never; it does not change
	used      atomic.Int64 // when it was used last
	life      atomic.Int64 // how long it lives unused; 0: for ever
	refresh   atomic.Int64 // a use after that has to be stored again
	cookie    atomic.Int64 // when the client got its cookie; 0: unknown
	confirmed atomic.Int64 // when memory was last known to have what is stored
}

// startClocks sets the clocks of a session that comes into memory with that record. Its last use is now.
func (c *clocks) startClocks(rec *record.Record) {
	if !rec.Deadline.IsZero() {
		c.deadline = nanos(rec.Deadline)
	}
	if !rec.CookieAt.IsZero() {
		c.cookie.Store(rec.CookieAt.UnixNano())
	}
	c.used.Store(time.Now().UnixNano())
	c.confirm()
	c.updateClocks(rec, rec)
}

// updateClocks computes how long a session lives unused, and when its last use has to be stored again. It reports whether
// the life has become shorter.
func (c *clocks) updateClocks(current, stored *record.Record) (shorter bool) {
	if idle := current.Idle(); idle > 0 {
		life := int64(min(idle, math.MaxInt64-idle/20) + idle/20) // no overflow, however long idle is
		before := c.life.Swap(life)
		shorter = life < before || before == 0
	}
	c.refresh.Store(nanos(replica.RefreshDue(stored)))
	return shorter
}

// use records a use, and reports whether it has to be stored. Not each one has to: only after a twentieth of the idle
// timeout.
func (c *clocks) use(now time.Time) (due bool) {
	c.used.Store(now.UnixNano())
	if now.UnixNano() < c.refresh.Load() {
		return false
	}
	c.refresh.Store(now.Add(retryMax).UnixNano()) // not again before the write has set the next time
	return true
}

// confirm records that memory has what is stored.
func (c *clocks) confirm() { c.confirmed.Store(time.Now().UnixNano()) }

// over reports whether the session has ended, by the same rule as a stored one; see record.Expired (rule R8).
func (c *clocks) over(now time.Time) bool {
	at, life := now.UnixNano(), c.life.Load()
	return c.deadline != 0 && at >= c.deadline || life != 0 && at-c.used.Load() >= life
}

// ends returns the moment at which the session will be over if it is not used before, in Unix nanoseconds.
func (c *clocks) ends() int64 {
	end := int64(math.MaxInt64)
	if life, used := c.life.Load(), c.used.Load(); life != 0 && life < end-used {
		end = used + life
	}
	if c.deadline != 0 {
		end = min(end, c.deadline)
	}
	return end
}

// CookieDue reports whether the client got its cookie at least as long ago as every. Of several callers only one gets
// true. It sends the cookie again, and the next write of the session stores when.
func (c *clocks) CookieDue(now time.Time, every time.Duration) bool {
	last := c.cookie.Load()
	return now.UnixNano()-last >= int64(every) && c.cookie.CompareAndSwap(last, now.UnixNano())
}

// nanos returns a moment in Unix nanoseconds. These end in the year 2262; a later moment becomes the last one.
func nanos(t time.Time) int64 {
	if last := time.Unix(0, math.MaxInt64); t.After(last) {
		return math.MaxInt64
	}
	return t.UnixNano()
}
