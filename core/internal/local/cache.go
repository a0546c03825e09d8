package local

import (
	"sync"
	"time"
)

const (
	shardCount = 64
	// evictDepth is how many sessions of a shard are looked at for one that may leave. They are those that were unused
	// for longest.
	evictDepth = 16
	sweepEvery = time.Second
)

// shard is a part of the sessions, in a list by their last use.
type shard struct {
	mu             sync.Mutex
	sessions       map[string]*Session // by token
	newest, oldest *Session
	looks          pile // by the moment before which a session cannot be over
}

// shard returns the shard of the session with that token.
func (st *Store) shard(token string) *shard {
	h := uint32(2166136261) // FNV-1a of the first bytes is enough: a token is random
	for i := range min(len(token), 8) {
		h = (h ^ uint32(token[i])) * 16777619
	}
	return &st.shards[h%shardCount]
}

// insert adds a session. Others may leave to make room; if too few may, it returns ErrFull.
func (st *Store) insert(s *Session) error {
	if err := st.admit(1, s.size.Load()); err != nil {
		return err
	}
	sh := st.shard(s.token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if old := sh.sessions[s.token]; old != nil {
		st.remove(sh, old)
	}
	sh.sessions[s.token] = s
	sh.link(s)
	s.lookAt = s.ends()
	sh.looks.add(s)
	return nil
}

// leave takes the session out of memory, whether it is stored or not.
func (st *Store) leave(s *Session) {
	sh := st.shard(s.token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.state.Load() != left {
		st.remove(sh, s)
	}
}

// leaveIfClean takes a session out of memory if all of it is stored, and reports whether it did. Guarded by sh.mu.
func (st *Store) leaveIfClean(sh *shard, s *Session) bool {
	if !s.state.CompareAndSwap(clean, left) {
		return false
	}
	st.remove(sh, s)
	return true
}

// remove takes a session out of memory. Guarded by sh.mu.
func (st *Store) remove(sh *shard, s *Session) {
	s.state.Store(left)
	delete(sh.sessions, s.token)
	sh.unlink(s)
	sh.looks.remove(s)
	st.count.Add(-1)
	st.release(s)
}

// release gives back the session's bytes.
func (st *Store) release(s *Session) { st.bytes.Add(-s.size.Swap(0)) }

// admit accounts for sessions and bytes that are to come. To make room it has stored sessions leave, those first that
// were unused for longest (rule L12). If too few may leave, it returns ErrFull, and nothing is accounted for.
func (st *Store) admit(sessions, bytes int64) error {
	st.count.Add(sessions)
	st.bytes.Add(bytes)
	for (sessions > 0 || bytes > 0) && st.overfull() {
		if !st.evict() {
			st.count.Add(-sessions)
			st.bytes.Add(-bytes)
			return ErrFull
		}
	}
	return nil
}

// overfull reports whether there are more sessions or bytes than Config allows.
func (st *Store) overfull() bool {
	return st.MaxSessions > 0 && st.count.Load() > int64(st.MaxSessions) || st.MaxBytes > 0 && st.bytes.Load() > st.MaxBytes
}

// evict has the clean session leave that was unused for longest, or nearly so. It reports whether one has left.
func (st *Store) evict() bool {
	for range 4 { // the session that it picks may be in use again by the time it leaves
		var from *shard
		var best *Session
		for i := range st.shards {
			if s := st.shards[i].leastUsed(); s != nil && (best == nil || s.used.Load() < best.used.Load()) {
				from, best = &st.shards[i], s
			}
		}
		if best == nil {
			return false
		}
		from.mu.Lock()
		gone := st.leaveIfClean(from, best)
		from.mu.Unlock()
		if gone {
			st.evictions.Add(1)
			return true
		}
	}
	return false
}

// leastUsed returns the clean session that was unused for longest; nil: there is none among the first evictDepth.
func (sh *shard) leastUsed() *Session {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s := sh.oldest
	for n := 0; s != nil && n < evictDepth; n++ {
		if s.state.Load() == clean {
			return s
		}
		s = s.newer
	}
	return nil
}

// link adds a session to the list as the newest one.
func (sh *shard) link(s *Session) {
	s.newer, s.older = nil, sh.newest
	if sh.newest != nil {
		sh.newest.newer = s
	} else {
		sh.oldest = s
	}
	sh.newest = s
}

// unlink takes a session out of the list.
func (sh *shard) unlink(s *Session) {
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		sh.newest = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		sh.oldest = s.newer
	}
	s.newer, s.older = nil, nil
}

// each calls f with every session, in each shard by their last use, until f returns false. f must not use the shard.
func (st *Store) each(f func(*Session) bool) {
	for i := range st.shards {
		if !st.shards[i].each(f) {
			return
		}
	}
}

// each does so for one shard, the session that was unused for longest first. It reports whether f never returned false.
func (sh *shard) each(f func(*Session) bool) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for s := sh.oldest; s != nil; s = s.newer {
		if !f(s) {
			return false
		}
	}
	return true
}

// list returns the sessions of the shard.
func (sh *shard) list() (sessions []*Session) {
	sh.each(func(s *Session) bool {
		sessions = append(sessions, s)
		return true
	})
	return sessions
}
