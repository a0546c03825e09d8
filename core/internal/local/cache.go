package local

import (
	"iter"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/counter"
)

const shardCount = 64

// cache is the sessions in memory, and their bounds. It is safe for concurrent use.
type cache struct {
	maxSessions int   // zero: no limit
	maxBytes    int64 // zero: no limit
	shards      [shardCount]shard
	count       atomic.Int64 // sessions
	bytes       atomic.Int64 // what they need
	evictions   *counter.Counter
}

// newCache returns an empty cache, which counts sessions that leave to make room.
func newCache(maxSessions int, maxBytes int64, evictions *counter.Counter) *cache {
	c := &cache{maxSessions: maxSessions, maxBytes: maxBytes, evictions: evictions}
	for i := range c.shards {
		c.shards[i].sessions = make(map[string]*Session)
		c.shards[i].looks = sessionHeap{
			before: func(a, b *Session) bool { return a.listed.lookAt < b.listed.lookAt },
			place:  func(s *Session) *int { return &s.listed.place },
		}
	}
	return c
}

// shard returns the shard of the session with that token.
func (c *cache) shard(token string) *shard {
	h := uint32(2166136261) // FNV-1a of the first bytes is enough: a token is random
	for i := range min(len(token), 8) {
		h = (h ^ uint32(token[i])) * 16777619
	}
	return &c.shards[h%shardCount]
}

// get returns the session with that token, and records a use of it. It returns nil if the session is not here or has
// ended. due: the use has to be stored, and the session does not leave before it is.
func (c *cache) get(token string) (s *Session, due bool) {
	now, sh := time.Now(), c.shard(token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s = sh.sessions[token]
	if s == nil {
		return nil, false
	}
	if s.over(now) {
		c.drop(sh, s)
		return nil, false
	}
	due = s.use(now) && s.state.markDirty()
	sh.unlink(s)
	sh.link(s)
	return s, due
}

// peek is get for a caller that only looks: it records no use.
func (c *cache) peek(token string) *Session {
	sh := c.shard(token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s := sh.sessions[token]; s != nil && !s.over(time.Now()) {
		return s
	}
	return nil
}

// all returns every session, in each shard by their last use. Those that come or leave meanwhile may be among them.
func (c *cache) all() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for i := range c.shards {
			for _, s := range c.shards[i].list() {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// insert adds a session that is to be stored. Others may leave to make room; if too few may, it returns ErrFull.
func (c *cache) insert(s *Session) error {
	err := c.admit(s, 1, s.size.Load())
	if err == nil {
		c.enter(s)
	}
	return err
}

// keep adds a session that is stored. There is room for it in any case: it may be the next one to leave.
func (c *cache) keep(s *Session) {
	c.count.Add(1)
	c.bytes.Add(s.size.Load())
	c.makeRoom()
	c.enter(s)
}

// enter adds a session that is accounted for.
func (c *cache) enter(s *Session) {
	sh := c.shard(s.token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if old := sh.sessions[s.token]; old != nil {
		c.drop(sh, old)
	}
	sh.sessions[s.token] = s
	sh.link(s)
	s.listed.lookAt = s.ends()
	sh.looks.add(s)
}

// remove takes the session out of memory, whether it is stored or not.
func (c *cache) remove(s *Session) {
	sh := c.shard(s.token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !s.state.is(removed) {
		c.drop(sh, s)
	}
}

// removeIfClean takes a session out of memory if all of it is stored, and reports whether it did.
func (c *cache) removeIfClean(s *Session) bool {
	sh := c.shard(s.token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !s.state.change(clean, removed) {
		return false
	}
	c.drop(sh, s)
	return true
}

// drop takes a session out of its shard. Guarded by sh.mu.
func (c *cache) drop(sh *shard, s *Session) {
	s.state.set(removed)
	delete(sh.sessions, s.token)
	sh.unlink(s)
	sh.looks.remove(s)
	c.count.Add(-1)
	c.release(s)
}

// release gives back the session's bytes.
func (c *cache) release(s *Session) { c.bytes.Add(-s.size.Swap(0)) }

// resize counts another size for the session, and has others leave if memory is too full.
func (c *cache) resize(s *Session, size int64) {
	c.bytes.Add(size - s.size.Swap(size))
	if s.state.is(removed) { // at this moment
		c.release(s)
	}
	c.makeRoom()
}

// makeRoom has stored sessions leave while there are too many.
func (c *cache) makeRoom() {
	for c.overfull(false) && c.evict() {
	}
}

// grow is resize for a session that gets no more than there is room for. It returns ErrFull, and ErrRemoved if the
// session was removed meanwhile.
func (c *cache) grow(s *Session, size int64) error {
	if err := c.admit(s, 0, size-s.size.Load()); err != nil {
		return err
	}
	s.size.Store(size)
	if s.state.is(removed) { // at this moment
		c.release(s)
		return ErrRemoved
	}
	return nil
}

// admit accounts for sessions and bytes that are to come, for s. To make room it has stored sessions leave, those first
// that were unused for longest (rule L12). If too few may leave, it returns ErrFull, and nothing is accounted for.
func (c *cache) admit(s *Session, sessions, bytes int64) error {
	c.count.Add(sessions)
	c.bytes.Add(bytes)
	for (sessions > 0 || bytes > 0) && c.overfull(s.newcomer.Load()) {
		if !c.evict() {
			c.count.Add(-sessions)
			c.bytes.Add(-bytes)
			return ErrFull
		}
	}
	return nil
}

// overfull reports whether there are more sessions or bytes than the bounds allow. Newcomers leave an eighth to others
// (rule L17).
func (c *cache) overfull(newcomer bool) bool {
	sessions, bytes := int64(c.maxSessions), c.maxBytes
	if newcomer {
		sessions, bytes = sessions-sessions/8, bytes-bytes/8
	}
	return sessions > 0 && c.count.Load() > sessions || bytes > 0 && c.bytes.Load() > bytes
}

// evict has the clean session leave that was unused for longest, or nearly so. It reports whether one has left.
func (c *cache) evict() bool {
	for range 4 { // the session that it picks may be in use again by the time it leaves
		var best *Session
		for i := range c.shards {
			if s := c.shards[i].leastUsed(); s != nil && (best == nil || s.used.Load() < best.used.Load()) {
				best = s
			}
		}
		if best == nil {
			return false
		}
		if c.removeIfClean(best) {
			c.evictions.Add(1)
			return true
		}
	}
	return false
}
