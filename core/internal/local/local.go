// Package local keeps the sessions of a sticky instance in its memory, which is their truth: a request for a session
// that is here costs no round trip. The nodes hold what a crash of the instance must not take along, and are written
// behind the requests' back, each session at most once at a time and always in its newest state.
//
// What is not stored yet is kept twice: as the state that requests see, and as the list of changes that led there. If
// another instance wrote the session meanwhile, because a balancer sent it a request, the list is applied to what that
// one stored, so that both instances' changes survive; and the copy here leaves, for it is not the truth any more.
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

// What an operation ends with, besides success and what package replica answers.
var (
	// ErrFull: the bounds are reached, and nothing here may leave, because no node has it.
	ErrFull = errors.New("msm: no room for another session in this instance's memory: everything in it waits to be stored")
	// ErrLeft: the session is not in memory any more. It may be loaded again.
	ErrLeft = errors.New("the session has left this instance's memory")
)

// workers write to the nodes. One node that hangs can stop all of them, once, for the time of one operation.
const workers = 16

// Config says how sessions are held.
type Config struct {
	Replica     *replica.Store
	Route       string                 // this instance's name in session ids
	MaxSessions int                    // held at a time; zero: no bound
	MaxBytes    int64                  // of all of them, with what they need to be held; zero: no bound
	MaxSize     int                    // bytes a session may have, as it is stored; zero: no bound
	Sync        bool                   // a change is stored before its request is answered
	Stays       func(name string) bool // attributes that are never stored; nil: none
	RefillRate  int                    // sessions a second that are stored again because a node lost them; zero: 2,000, negative: none
	Patience    time.Duration          // how long Close tries in vain if its context has no deadline; zero: not at all
	Log         *journal.Journal
}

// Store holds sessions. It is safe for concurrent use.
type Store struct {
	Config
	shards  [shardCount]shard
	count   atomic.Int64
	bytes   atomic.Int64
	queue   *queue
	posts   chan post
	closing atomic.Bool
	heard   atomic.Int64 // until when, Unix nanoseconds, all that others tell was heard
	doubted atomic.Int64 // what was not confirmed since then may be old
	stop    context.CancelFunc
	done    sync.WaitGroup
	counters
}

// New makes a store, which has to be closed.
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

// Close stores what is not stored yet, until ctx ends, and answers how many sessions are left. If ctx has no deadline it
// ends as well when nothing could be stored for Config.Patience: a node may never come back.
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
	st.saveAll(ctx, st.dirty(), stored) // of the others it is stored that they were used, if it can be
	return 0
}

// saveAll saves them, and tells of each that could be.
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

// work saves what it is given. A write that began is not cut off: its operations are bounded.
func (st *Store) work(sessions <-chan *Session, stored func()) {
	for s := range sessions {
		if s.saveInTurn() == nil {
			stored()
		}
	}
}

// saveInTurn is save for who has not begun saving. What fails is queued again, and logged.
func (s *Session) saveInTurn() error {
	s.beginSaving()
	defer s.endSaving()
	if s.putsOff() {
		return nil
	}
	return s.save(s.store.Replica.Random.As(context.Background(), "write-behind", s.token))
}

// unsaved are the sessions with changes that no node has.
func (st *Store) unsaved() []*Session {
	return slices.DeleteFunc(st.dirty(), func(s *Session) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.pending.requests == 0
	})
}

// dirty are the sessions of which something is to be stored, be it only that they were used.
func (st *Store) dirty() (list []*Session) {
	st.each(func(s *Session) bool {
		if s.state.Load() == dirty {
			list = append(list, s)
		}
		return true
	})
	return list
}

// sameRecord reports whether nobody wrote between the two.
func sameRecord(a, b *record.Record) bool { return a.Rank() == b.Rank() }
