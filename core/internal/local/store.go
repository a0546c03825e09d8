package local

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// overLimit is how many sessions that others have ended are remembered, in each of two generations.
const overLimit = 1 << 14

// Store holds the sessions of this instance. It is safe for concurrent use.
type Store struct {
	Config
	self    self
	cache   *cache
	queue   *queue
	outbox  *outbox
	hearing hearing
	over    *recent.Map[uint64, struct{}] // sessions that others have ended, by Session.short
	closing atomic.Bool                   // Close has begun
	Counters
	pendingChanges atomic.Int64 // requests whose changes no node has yet
	service
}

// service is the background work of a store; see start and halt.
type service struct {
	stop context.CancelFunc
	done sync.WaitGroup
}

// newStore returns a store that does nothing in the background yet.
func newStore(c Config) *Store {
	if c.RefillRate == 0 {
		c.RefillRate = 2000
	}
	if c.Wait == 0 {
		c.Wait = 10 * time.Second
	}
	st := &Store{Config: c, self: self(c.Route), queue: newQueue(c.Wait)}
	st.outbox = newOutbox(c.Replica, st.self, &st.Missed)
	st.cache = newCache(c.MaxSessions, c.MaxBytes, &st.Evictions)
	st.over = recent.NewMap[uint64, struct{}](overLimit, nil)
	st.hearing.heard.Store(time.Now().UnixNano())
	return st
}

// Get returns the session with that token, and records a use of it. It returns nil if the session is not here or has
// ended.
func (st *Store) Get(token string) *Session {
	s, due := st.cache.get(token)
	if due {
		st.queue.scheduleDefault(s)
	}
	return s
}

// Peek is Get for a caller that only looks: it records no use.
func (st *Store) Peek(token string) *Session { return st.cache.peek(token) }

// Use records that a request uses the session. The use is also stored, but not each one; see clocks.use.
func (st *Store) Use(s *Session, now time.Time) {
	if s.use(now) {
		st.saveSoon(s)
	}
}

// Rehome gives the session another node at once if the one that its id names is not available, and the session moves
// there behind the request's back (rule L13). With no node available nothing changes. Rehome returns what View does.
func (st *Store) Rehome(s *Session) (rec *record.Record, node string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, known := st.Replica.Cluster.Node(s.node); !known || !n.Available() {
		if first := st.Replica.FirstNode(s.token); first != "" {
			s.node = first
			st.saveSoon(s)
		}
	}
	return s.current, s.node
}

// saveSoon has the session written although it has no changes.
func (st *Store) saveSoon(s *Session) {
	if s.state.markDirty() {
		st.queue.scheduleDefault(s)
	}
}

// check returns how many bytes of memory the session needs. It returns replica.ErrTooLarge if the session exceeds
// Config.MaxSize as it would be stored.
func (st *Store) check(rec *record.Record) (held int64, err error) {
	if size := st.Replica.Size(st.withoutMemoryOnly(rec)); st.MaxSize > 0 && size > st.MaxSize {
		return 0, fmt.Errorf("%w: %d bytes encoded, the limit is %d", replica.ErrTooLarge, size, st.MaxSize)
	}
	return sizeOf(rec), nil
}

// updateClocks takes in the settings of a session that has changed or was stored. Guarded by s.mu.
func (st *Store) updateClocks(s *Session) {
	if s.updateClocks(s.current, s.stored) {
		st.cache.endsSooner(s)
	}
}

// dropPending forgets the changes that are not stored. Guarded by s.mu.
func (st *Store) dropPending(s *Session) {
	st.pendingChanges.Add(-int64(s.pending.drop(len(s.pending.batches))))
}

// alone reports whether memory has to do without nodes: none is available, and Close has not begun.
func (st *Store) alone() bool { return !st.Replica.Cluster.Available() && !st.closing.Load() }

// Gauges reads the gauges.
func (st *Store) Gauges() Gauges {
	return Gauges{
		Sessions: st.cache.count.Load(), Bytes: st.cache.bytes.Load(), PendingSessions: st.queue.length(),
		PendingChanges: st.pendingChanges.Load(),
	}
}
