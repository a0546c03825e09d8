package local

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// Session is a session in the memory of this instance. It is safe for concurrent use.
type Session struct {
	token string
	short uint64 // its name in messages of other instances
	clocks
	state  state
	size   atomic.Int64 // bytes that the cache counts for it
	listed listed
	queued queued

	newcomer atomic.Bool // it has just begun, and no node has it yet

	mu    sync.Mutex // protects what follows
	turn  turn       // to write it; while it is taken the session does not leave to make room
	owner owner
	content
}

// listed is the place of a session in its shard of the cache. Guarded by shard.mu.
type listed struct {
	newer, older *Session // by last use
	lookAt       int64    // when the sweep looks at it, Unix nanoseconds
	place        int      // in shard.looks, from 1; 0: not in it
}

// queued is the place of a session in the queue. Guarded by queue.mu.
type queued struct {
	lane      *lane
	due       time.Time // when it is to be written
	place     int       // in the lane's heap, from 1; 0: not in it
	byDefault bool      // it is due after no more than the default delay
}

// content is what memory and nodes have of a session. Its records are never changed in place.
type content struct {
	node           string         // id of the node that it is read from, or will be once it is stored
	stored         *record.Record // what the nodes have, as far as is known; of version 0: nothing yet
	current        *record.Record // what requests see: with every change
	pending        pending
	writeAttempted bool   // a write has begun that may have reached a node
	changes        uint64 // made so far
	saved          uint64 // the number of the last change that is stored
	failures       int    // writes that failed in a row
}

// overhead is about how many bytes a session needs besides its attributes: for itself, its record, and its places in
// maps and lists.
const overhead = 1030

// newSession returns a new Session with rec as both its stored and its current record. Its last use is now.
func newSession(token, node string, rec *record.Record) *Session {
	s := &Session{token: token, content: content{node: node, stored: rec, current: rec}}
	s.size.Store(sizeOf(rec))
	s.startClocks(rec)
	return s
}

// sizeOf returns how many bytes of memory a session with the record needs, about.
func sizeOf(rec *record.Record) int64 { return int64(rec.Size()) + overhead }

// View returns the session as requests see it, and the id of the node that the session's id names.
func (s *Session) View() (rec *record.Record, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.node
}

// now returns the state that requests see.
func (s *Session) now() *record.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// isSaved reports whether the change of that number is stored.
func (s *Session) isSaved(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved >= number
}

// waitingChanges returns how many changes are pending.
func (s *Session) waitingChanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.changes
}

// unknown reports whether no node can know of the session: no write of it has reached one. Guarded by Session.mu.
func (c *content) unknown() bool { return c.stored.Version == 0 && !c.writeAttempted }

// isOnlyHere reports whether no node can know of the session.
func (s *Session) isOnlyHere() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.state.is(removed) && s.unknown()
}
