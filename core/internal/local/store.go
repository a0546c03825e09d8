package local

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Store holds the sessions of this instance. It is safe for concurrent use.
type Store struct {
	Config
	shards  [shardCount]shard
	count   atomic.Int64
	bytes   atomic.Int64
	queue   *queue
	posts   chan post    // messages to be sent to other instances
	closing atomic.Bool  // Close has begun
	heard   atomic.Int64 // Unix nanoseconds: all messages that others left before have been read
	doubted atomic.Int64 // Unix nanoseconds: a session that was not confirmed since may be outdated; 0: none is
	stop    context.CancelFunc
	done    sync.WaitGroup
	counters
}

// Get returns the session with that token, and records a use of it. It returns nil if the session is not here or has
// ended.
func (st *Store) Get(token string) *Session {
	now, sh := time.Now(), st.shard(token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s := sh.sessions[token]
	if s == nil {
		return nil
	}
	if s.over(now) {
		st.remove(sh, s)
		return nil
	}
	st.Use(s, now)
	sh.unlink(s)
	sh.link(s)
	return s
}

// Peek is Get for a caller that only looks: it records no use.
func (st *Store) Peek(token string) *Session {
	sh := st.shard(token)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s := sh.sessions[token]; s != nil && !s.over(time.Now()) {
		return s
	}
	return nil
}

// Use records that a request uses the session. The use is also stored, but not each one: only after a twentieth of the
// idle timeout.
func (st *Store) Use(s *Session, now time.Time) {
	s.used.Store(now.UnixNano())
	if now.UnixNano() >= s.refresh.Load() {
		s.refresh.Store(now.Add(retryMax).UnixNano()) // not again before the write has set the next time
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
	if s.markDirty() {
		st.queue.soon(s)
	}
}

// schedule computes how long the session lives unused, and when its last use has to be stored again.
func (st *Store) schedule(s *Session) {
	if idle := s.current.Idle(); idle > 0 {
		life := int64(min(idle, math.MaxInt64-idle/20) + idle/20) // no overflow, however long idle is
		if before := s.life.Swap(life); life < before || before == 0 {
			st.endsSooner(s)
		}
	}
	s.refresh.Store(nanos(replica.RefreshDue(s.stored)))
}

// account updates the session's size, and has others leave if memory is too full.
func (st *Store) account(s *Session) {
	size := sizeOf(s.current)
	st.bytes.Add(size - s.size.Swap(size))
	if s.state.Load() == left { // it ended at this moment
		st.release(s)
	}
	for st.overfull() && st.evict() {
	}
}

// abandon forgets the changes that are not stored. Guarded by mu.
func (st *Store) abandon(s *Session) {
	st.pendingChanges.Add(-int64(s.pending.drop(len(s.pending.batches))))
}

// alone reports whether memory has to do without nodes: none is available, and Close has not begun.
func (st *Store) alone() bool { return !st.Replica.Available() && !st.closing.Load() }

// Counts returns a snapshot of the counters.
func (st *Store) Counts() Counts {
	return Counts{
		Sessions: st.count.Load(), Bytes: st.bytes.Load(), PendingSessions: st.queue.length(),
		PendingChanges: st.pendingChanges.Load(), Takeovers: st.takeovers.Load(), Merges: st.merges.Load(),
		Clashes: st.clashes.Load(), Shed: st.shed.Load(), Evictions: st.evictions.Load(), Refilled: st.refilled.Load(),
	}
}
