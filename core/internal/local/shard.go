package local

import "sync"

// evictDepth is how many sessions of a shard are looked at for one that may leave. They are those that were unused for
// longest.
const evictDepth = 16

// shard is a part of the sessions in the cache, in a list by their last use.
type shard struct {
	mu             sync.Mutex
	sessions       map[string]*Session // by token
	newest, oldest *Session
	looks          sessionHeap // by the moment before which a session cannot be over
}

// leastUsed returns the clean session that was unused for longest; nil: there is none among the first evictDepth.
func (sh *shard) leastUsed() *Session {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s := sh.oldest
	for n := 0; s != nil && n < evictDepth; n++ {
		if s.state.is(clean) {
			return s
		}
		s = s.listed.newer
	}
	return nil
}

// list returns the sessions of the shard, the one that was unused for longest first.
func (sh *shard) list() (sessions []*Session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for s := sh.oldest; s != nil; s = s.listed.newer {
		sessions = append(sessions, s)
	}
	return sessions
}

// link adds a session to the list as the newest one. Guarded by mu.
func (sh *shard) link(s *Session) {
	s.listed.newer, s.listed.older = nil, sh.newest
	if sh.newest != nil {
		sh.newest.listed.newer = s
	} else {
		sh.oldest = s
	}
	sh.newest = s
}

// unlink takes a session out of the list. Guarded by mu.
func (sh *shard) unlink(s *Session) {
	newer, older := s.listed.newer, s.listed.older
	if newer != nil {
		newer.listed.older = older
	} else {
		sh.newest = older
	}
	if older != nil {
		older.listed.newer = newer
	} else {
		sh.oldest = newer
	}
	s.listed.newer, s.listed.older = nil, nil
}
