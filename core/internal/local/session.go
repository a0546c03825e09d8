package local

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Session is a session in the memory of this instance. It is safe for concurrent use. Its records are never changed in
// place.
type Session struct {
	token     string
	short     uint64       // its name in messages of other instances
	deadline  int64        // Unix nanoseconds; 0: none
	used      atomic.Int64 // Unix nanoseconds
	life      atomic.Int64 // how long it lives unused, in nanoseconds; 0: for ever
	refresh   atomic.Int64 // Unix nanoseconds; a use after that has to be stored again
	state     atomic.Int32 // clean, dirty or left
	size      atomic.Int64 // bytes that the store counts for it
	cookie    atomic.Int64 // when the client got its cookie, Unix nanoseconds; 0: unknown
	confirmed atomic.Int64 // when memory was last known to have what is stored, Unix nanoseconds

	newer, older *Session // in the shard's list by last use; guarded by shard.mu
	lookAt       int64    // when the sweep looks at it, Unix nanoseconds; guarded by shard.mu
	lookPlace    int      // its place in shard.looks; guarded by shard.mu

	due   time.Time // when it is to be written; guarded by queue.mu
	place int       // in the queue, from 1; 0: not in it; guarded by queue.mu
	soon  bool      // it is due after no more than the usual delay; guarded by queue.mu

	mu       sync.Mutex
	saving   bool              // a caller has its turn to write, and the session does not leave to make room
	met      *replica.Failures // while saving: those of the caller that has its turn
	waiting  []waiter          // FIFO queue of the callers that wait for their turn
	rests    bool              // while saving: nothing is left to be stored, as far as is known
	node     string            // id of the node that it is read from, or will be once it is stored
	stored   *record.Record    // what the nodes have, as far as is known; of version 0: nothing yet
	current  *record.Record    // what requests see: with every change
	pending  pending
	tried    bool   // a write has begun that may have reached a node
	changes  uint64 // made so far
	saved    uint64 // the number of the last change that is stored
	failures int    // writes that failed in a row

	from string // the route of the instance that it was taken over from; empty: none
	told bool   // another instance serves it, or has ended it
}

// overhead is about how many bytes a session needs besides its attributes: for itself, its record, and its places in
// maps and lists.
const overhead = 1030

// session returns a new Session with rec as both its stored and its current record. Its last use is now.
func (st *Store) session(token, node string, rec *record.Record) *Session {
	s := &Session{token: token, node: node, stored: rec, current: rec}
	s.size.Store(sizeOf(rec))
	if !rec.Deadline.IsZero() {
		s.deadline = nanos(rec.Deadline)
	}
	if !rec.CookieAt.IsZero() {
		s.cookie.Store(rec.CookieAt.UnixNano())
	}
	s.used.Store(time.Now().UnixNano())
	s.confirm()
	st.schedule(s)
	return s
}

// sizeOf returns how many bytes of memory a session with the record needs, about.
func sizeOf(rec *record.Record) int64 { return int64(rec.Size()) + overhead }

// nanos returns a moment in Unix nanoseconds. These end in the year 2262; a later moment becomes the last one.
func nanos(t time.Time) int64 {
	if last := time.Unix(0, math.MaxInt64); t.After(last) {
		return math.MaxInt64
	}
	return t.UnixNano()
}

// At reports whether node is the one that the session's id names, as far as this instance knows.
func (s *Session) At(node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node == node
}

// View returns the session as requests see it, and the id of the node that the session's id names.
func (s *Session) View() (rec *record.Record, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.node
}

// CookieDue reports whether the client got its cookie at least as long ago as every. Of several callers only one gets
// true. It sends the cookie again, and the next write of the session stores when.
func (s *Session) CookieDue(now time.Time, every time.Duration) bool {
	last := s.cookie.Load()
	return now.UnixNano()-last >= int64(every) && s.cookie.CompareAndSwap(last, now.UnixNano())
}

// markDirty keeps the session from leaving before it is saved. It returns false if the session has left already.
func (s *Session) markDirty() bool {
	return s.state.CompareAndSwap(clean, dirty) || s.state.Load() == dirty
}

// The states of a session. A clean one may leave at any moment. A dirty one is to be stored, or is being written.
const (
	clean int32 = iota
	dirty
	left
)
