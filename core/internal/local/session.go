package local

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Session is a session in this instance's memory. It is safe for concurrent use. Its records are never changed.
type Session struct {
	store     *Store
	token     string
	short     uint64       // its name in messages
	deadline  int64        // Unix nanoseconds; 0: none
	used      atomic.Int64 // Unix nanoseconds
	life      atomic.Int64 // how long it lives unused; 0: for ever
	refresh   atomic.Int64 // when a use has to be stored again, Unix nanoseconds
	state     atomic.Int32 // clean, dirty or left
	size      atomic.Int64 // bytes accounted for
	cookie    atomic.Int64 // when the client got its cookie, Unix nanoseconds; 0: nobody knows
	confirmed atomic.Int64 // when it was known last to be what is stored, Unix nanoseconds

	newer, older *Session // in the shard's order of use; guarded by shard.mu
	lookAt       int64    // when the sweep looks at it, Unix nanoseconds; guarded by shard.mu
	lookPlace    int      // in shard.looks; guarded by shard.mu

	due   time.Time // when it is to be saved; guarded by queue.mu
	place int       // in the queue, from 1; 0: not there; guarded by queue.mu
	soon  bool      // it is due after no more than the usual delay; guarded by queue.mu

	mu       sync.Mutex
	saving   bool            // one write to the nodes at a time, in which the session does not leave
	waiting  []chan struct{} // for their turn to save, in the order in which they came
	rests    bool            // while saving: nothing waits to be stored, as far as is known
	node     string          // where it is read from, or will be once it is stored
	stored   *record.Record  // what the nodes have, as far as is known; of version 0: nothing yet
	current  *record.Record  // with every change: what requests see
	pending  pending
	tried    bool   // a write that may have reached a node began
	changes  uint64 // applied so far
	saved    uint64 // of these, stored
	failures int    // writes that failed in a row

	from string // the route of the instance that this one took it over from
	told bool   // another instance has taken over, or changed it
}

// The states of a session. A clean one may leave at any moment.
const (
	clean int32 = iota
	dirty
	left
)

// overhead is about what a session needs besides its attributes: itself, its record, and its places in maps and lists.
const overhead = 1030

func (st *Store) session(token, node string, rec *record.Record) *Session {
	s := &Session{store: st, token: token, node: node, stored: rec, current: rec}
	s.size.Store(sizeOf(rec))
	if !rec.Deadline.IsZero() {
		s.deadline = nanos(rec.Deadline)
	}
	if !rec.CookieAt.IsZero() {
		s.cookie.Store(rec.CookieAt.UnixNano())
	}
	s.used.Store(time.Now().UnixNano())
	s.confirm()
	s.schedule()
	return s
}

func sizeOf(rec *record.Record) int64 { return int64(rec.Size()) + overhead }

// beginSaving waits for the caller's turn to write the session. Until endSaving it does not leave to make room: what others
// would do to it meanwhile, after they had loaded it again, would be unknown here.
func (s *Session) beginSaving() {
	s.mu.Lock()
	if !s.saving {
		s.saving, s.rests = true, s.state.CompareAndSwap(clean, dirty)
		s.mu.Unlock()
		return
	}
	called := make(chan struct{})
	s.waiting = append(s.waiting, called)
	s.mu.Unlock()
	<-called
}

// endSaving hands the turn over to who has waited longest, so that nobody who comes this moment is faster.
func (s *Session) endSaving() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rests = s.rests && len(s.pending.batches) == 0
	if len(s.waiting) > 0 {
		close(s.waiting[0])
		s.waiting = slices.Delete(s.waiting, 0, 1)
		return
	}
	if s.saving = false; s.rests {
		s.state.CompareAndSwap(dirty, clean)
	}
}

// schedule computes when the session ends and when it has to be refreshed.
func (s *Session) schedule() {
	if idle := s.current.Idle(); idle > 0 {
		life := int64(min(idle, math.MaxInt64-idle/20) + idle/20) // no overflow, however long it is
		if before := s.life.Swap(life); life < before || before == 0 {
			s.endsSooner()
		}
	}
	s.refresh.Store(nanos(replica.RefreshDue(s.stored)))
}

// over: the session has ended, by the same rule as a stored one.
func (s *Session) over(now time.Time) bool {
	at, life := now.UnixNano(), s.life.Load()
	return s.deadline != 0 && at >= s.deadline || life != 0 && at-s.used.Load() >= life
}

// ends returns the moment at which the session will be over if it is not used before, in Unix nanoseconds.
func (s *Session) ends() int64 {
	end := int64(math.MaxInt64)
	if life, used := s.life.Load(), s.used.Load(); life != 0 && life < end-used {
		end = used + life
	}
	if s.deadline != 0 {
		end = min(end, s.deadline)
	}
	return end
}

// nanos returns a moment in Unix nanoseconds, which end in the year 2262: what is later is as late as can be said.
func nanos(t time.Time) int64 {
	if last := time.Unix(0, math.MaxInt64); t.After(last) {
		return math.MaxInt64
	}
	return t.UnixNano()
}

// At reports whether that node is the one which the session's id names here.
func (s *Session) At(node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node == node
}

// Behind reports whether a look that begins at that node finds something newer than what is here.
func (s *Session) Behind(ctx context.Context, node string) bool {
	rec, err := s.store.Replica.Open(s.token, node).Peek(ctx) // Load would mend it, and find what it has written itself
	s.mu.Lock()
	defer s.mu.Unlock()
	return err == nil && s.stored.Rank().Before(rec.Rank())
}

// View answers the session as requests see it, and the node that its id names. If that node is not available, another
// one takes its place at once, and the session moves there behind the request's back. With none available all stays as it
// is.
func (s *Session) View() (*record.Record, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, known := s.store.Replica.Cluster.Node(s.node); !known || !n.Available() {
		if first := s.store.Replica.FirstNode(s.token); first != "" {
			s.node = first
			s.saveSoon()
		}
	}
	return s.current, s.node
}

// Use says that a request uses the session. That is stored, too, but not with every use.
func (s *Session) Use(now time.Time) {
	s.used.Store(now.UnixNano())
	if now.UnixNano() >= s.refresh.Load() {
		s.refresh.Store(now.Add(retryMax).UnixNano()) // until the write has told the next time
		s.saveSoon()
	}
}

// CookieDue reports whether the client got its cookie so long ago, to one caller of several. The client gets it again then,
// which is stored with the next write.
func (s *Session) CookieDue(now time.Time, every time.Duration) bool {
	last := s.cookie.Load()
	return now.UnixNano()-last >= int64(every) && s.cookie.CompareAndSwap(last, now.UnixNano())
}

// saveSoon has the session written although it has no changes.
func (s *Session) saveSoon() {
	if s.markDirty() {
		s.store.queue.soon(s)
	}
}

// markDirty keeps the session from leaving before it is saved. It is false if it has left.
func (s *Session) markDirty() bool {
	return s.state.CompareAndSwap(clean, dirty) || s.state.Load() == dirty
}
