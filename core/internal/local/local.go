// Package local is sticky mode: it keeps the sessions of one instance in that instance's memory. Memory is the truth,
// so a request for a session that is here costs no round trip. The nodes, which are memcached servers, hold what a
// crash of the instance must not lose. They are written behind the requests' back (write-behind): one write per session
// at a time, always of the newest state.
//
// A change that is not stored yet is kept twice: in the state that requests see, and in the list of changes that led to
// it. If another instance has written the session meanwhile, because a load balancer sent it a request, the list is
// applied to what that instance stored. So the changes of both survive. If that instance serves the session from then
// on, the copy here leaves memory, because it is not the truth any more.
//
// Where to read what:
//   - session.go: one session, its states, and whose turn it is to write it. shard.go: all sessions, their bounds, and
//     how they leave. pile.go: a heap of sessions.
//   - commit.go, commit_now.go: how the changes of a request enter memory. pending.go: the changes that are not stored
//     yet. stays.go: attributes that are never stored.
//   - queue.go: when a session is written, and back-pressure. save.go: one write. shed.go: sessions that are too large
//     to be stored.
//   - end.go: logout, and a new id at login. takeover.go: loading a session, and taking it over from another instance.
//     elsewhere.go: changing a session that another instance serves.
//   - notice.go: messages to and from other instances. deaf.go: an instance that may have missed some. repair.go:
//     storing sessions again that a node has lost.
package local

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// The errors of this package. Its functions also return those of package replica.
var (
	// ErrFull is returned if the bounds are reached and no session may leave, because none here is stored.
	ErrFull = errors.New("msm: no room for another session in this instance's memory: everything in it waits to be stored")
	// ErrLeft is returned if the session is not in memory any more. It may be loaded again.
	ErrLeft = errors.New("the session has left this instance's memory")
)

// workers is how many sessions are written at the same time. A node that hangs can block all of them, but only once,
// and for the timeout of one operation.
const workers = 16

// Config says how sessions are held.
type Config struct {
	Replica     *replica.Store         // the copies of sessions on the nodes
	Route       string                 // this instance's name in session ids
	MaxSessions int                    // sessions held at a time; zero: no limit
	MaxBytes    int64                  // bytes of all sessions together, with what it takes to hold them; zero: no limit
	MaxSize     int                    // bytes of one session as it is stored; zero: no limit
	Sync        bool                   // store a change before its request is answered
	Stays       func(name string) bool // reports whether the attribute is never stored; nil: none is
	RefillRate  int                    // sessions stored again per second because a node lost them; zero: 2,000, negative: none
	Patience    time.Duration          // how long Close tries in vain if its context has no deadline; zero: not at all
	Log         *journal.Journal
}

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

// New returns a store and starts its goroutines. The caller must Close it.
func New(c Config) *Store {
	if c.RefillRate == 0 {
		c.RefillRate = 2000
	}
	st := &Store{Config: c, queue: newQueue(), posts: make(chan post, noticeQueue)}
	st.heard.Store(time.Now().UnixNano())
	for i := range st.shards {
		st.shards[i].sessions = make(map[string]*Session)
		st.shards[i].looks = pile{
			before: func(a, b *Session) bool { return a.lookAt < b.lookAt },
			place:  func(s *Session) *int { return &s.lookPlace },
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	st.stop = stop
	work := make(chan *Session)
	st.done.Go(func() { st.dispatch(ctx, work) })
	for range workers {
		st.done.Go(func() { st.work(work, func() {}) })
	}
	st.done.Go(func() { st.sweep(ctx) })
	if c.RefillRate > 0 {
		st.done.Go(func() { st.repair(ctx) })
	}
	st.done.Go(func() { st.notify(ctx) })
	return st
}

// Close ends the background work, stores what is not stored yet, and returns how many sessions still have changes that
// no node has. It tries until ctx ends. If ctx has no deadline, it also gives up when nothing could be stored for
// Config.Patience, because a node may never come back (rule L15).
func (st *Store) Close(ctx context.Context) (left int) {
	st.closing.Store(true) // from here on requests store their changes themselves
	st.stop()
	st.done.Wait()
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	stored := func() {}
	if _, limited := ctx.Deadline(); !limited {
		timer := time.AfterFunc(st.Patience, giveUp)
		defer timer.Stop()
		stored = func() { timer.Reset(st.Patience) }
	}
	for unsaved := st.unsaved(); len(unsaved) > 0; unsaved = st.unsaved() {
		if ctx.Err() != nil {
			return len(unsaved)
		}
		st.saveAll(ctx, unsaved, stored)
		if len(st.unsaved()) > 0 {
			_ = pace.Sleep(ctx, retryMin)
		}
	}
	st.saveAll(ctx, st.dirty(), stored) // the rest has no changes: store when it was used last, if that is possible
	return 0
}

// saveAll saves the sessions until ctx ends, and calls stored after each one that could be saved.
func (st *Store) saveAll(ctx context.Context, sessions []*Session, stored func()) {
	work := make(chan *Session)
	var done sync.WaitGroup
	for range min(workers, len(sessions)) {
		done.Go(func() { st.work(work, stored) })
	}
	defer done.Wait()
	defer close(work)
	for _, s := range sessions {
		select {
		case work <- s:
		case <-ctx.Done():
			return
		}
	}
}

// work saves the sessions that it receives, and calls stored after each success. It does not cancel a write that has
// begun: each operation of it has a timeout.
func (st *Store) work(sessions <-chan *Session, stored func()) {
	for s := range sessions {
		if st.saveInTurn(s) == nil {
			stored()
		}
	}
}

// saveInTurn waits for its turn to write the session, and saves it. A write that fails is queued again; see end.
func (st *Store) saveInTurn(s *Session) error {
	ctx := replica.WithFailures(st.Replica.Random.As(context.Background(), "write-behind", s.token))
	s.beginSaving(ctx)
	defer s.endSaving()
	if st.putsOff(s) {
		return nil
	}
	return st.save(ctx, s)
}

// unsaved returns the sessions with changes that no node is known to have.
func (st *Store) unsaved() []*Session {
	return slices.DeleteFunc(st.dirty(), func(s *Session) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.pending.requests == 0
	})
}

// dirty returns the sessions of which something is to be stored, even if that is only their last use.
func (st *Store) dirty() (list []*Session) {
	st.each(func(s *Session) bool {
		if s.state.Load() == dirty {
			list = append(list, s)
		}
		return true
	})
	return list
}

// sameRecord reports whether both are the same version of a session: nobody wrote between them.
func sameRecord(a, b *record.Record) bool { return a.Rank() == b.Rank() }
