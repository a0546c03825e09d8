package msm

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/replica"
)

// maxWaiting is how many requests of one session may wait for its lock in one instance; more are ErrBusy. Browsers open
// six connections to a host, and as many streams on one as they like: so many requests do not come from a browser, or
// the handlers are stuck.
const maxWaiting = 64

// maxPassed is how many requests of an instance in a row may have the lock before it is released for other instances.
const maxPassed = 16

// yieldTime is how long an instance that has released a lock lets others take it first, if some were seen to wait for
// it. Each of those tries at least once in that time.
const (
	yieldTime  = 60 * time.Millisecond
	yieldLimit = 1000 // sessions in each of two generations; for a forgotten one nobody goes first
)

// locks makes the requests of a session wait for each other: in a queue within the instance, and for a lock on a node
// among instances. It is safe for concurrent use.
type locks struct {
	mode   Locking
	uri    *regexp.Regexp
	wait   time.Duration
	expiry time.Duration
	store  *replica.Store
	turns  *keyqueue.Queues[sessionLock] // the FIFO queue of each session within the instance
	yields *recent.Times                 // until when other instances go first
	routes *routes                       // what LockAuto has learned; nil in other modes
	counts struct{ taken, passed, refused, busy, lost, skipped atomic.Uint64 }
}

func newLocks(store *replica.Store, c *Config) *locks {
	l := &locks{wait: c.LockWait, expiry: c.LockExpiry, store: store, turns: keyqueue.New[sessionLock](maxWaiting), yields: recent.NewTimes(yieldLimit)}
	l.mode, l.uri, _ = c.Locking.parse() // without an error: New has checked it
	if l.mode == LockAuto {
		l.routes = newRoutes()
	}
	return l
}

// wants reports whether a request needs the lock before its handler runs.
func (l *locks) wants(path string, at route) bool {
	switch l.mode {
	case LockAll:
		return true
	case lockURI:
		return l.uri.MatchString(path)
	case LockAuto:
		if !l.routes.reads(at) {
			return true
		}
		l.counts.skipped.Add(1)
	}
	return false
}

// sessionLock is the lock of one session, held by this instance.
type sessionLock struct {
	*lease
	passes int // how many more requests it may be passed on to
	gone   atomic.Bool
}

// take waits for the session's lock, first within this instance and then among all (rule K7). It returns ErrLocked
// after Config.LockWait, ErrBusy, ErrUnavailable, or the cause with which ctx has ended.
func (l *locks) take(ctx context.Context, token string) (*sessionLock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.wait, ErrLocked)
	defer cancel()
	lock, _, err := l.turns.Acquire(ctx, token)
	switch {
	case err != nil:
		if lock != nil {
			l.release(context.WithoutCancel(ctx), token, lock)
		}
	case lock == nil:
		if lock, err = l.acquire(ctx, token); err != nil {
			l.turns.Release(token, nil)
		}
	default:
		l.counts.passed.Add(1)
	}
	if err != nil {
		return nil, l.refused(err)
	}
	return lock, nil
}

// acquire takes the lock from its node. If other instances compete for it, it will be passed on only to requests that
// wait here by now: so all requests get it about in the order in which they came, in whatever instance.
func (l *locks) acquire(ctx context.Context, token string) (*sessionLock, error) {
	taken, err := l.store.Lock(ctx, token, l.expiry, l.yields.Of(token))
	if err != nil {
		return nil, err
	}
	l.counts.taken.Add(1)
	lock := &sessionLock{passes: maxPassed - 1}
	if taken.Waited() {
		lock.passes = min(lock.passes, l.turns.Waiting(token))
	}
	lock.lease = keepLock(taken, l.expiry, func() {
		lock.gone.Store(true)
		l.counts.lost.Add(1)
	})
	return lock, nil
}

// refused counts an error of take, and returns it.
func (l *locks) refused(err error) error {
	switch {
	case errors.Is(err, ErrLocked):
		l.counts.refused.Add(1)
	case errors.Is(err, ErrBusy):
		l.counts.busy.Add(1)
	}
	return err
}

// give passes the lock on to the request that has waited longest in this instance, or releases it (rule K6).
func (l *locks) give(ctx context.Context, token string, lock *sessionLock) {
	lock.passes--
	mayPass := lock.passes >= 0
	if mayPass && !lock.gone.Load() && l.turns.Waiting(token) > 0 {
		if !l.turns.Release(token, lock) {
			l.release(ctx, token, lock)
		}
		return
	}
	l.release(ctx, token, lock)
	l.turns.Release(token, nil)
}

// release releases the lock on its node. If other instances wait for it they go first (rule K4).
func (l *locks) release(ctx context.Context, token string, lock *sessionLock) {
	lock.release(ctx)
	if lock.lock.Awaited() {
		l.yields.Put(token, time.Now().Add(yieldTime))
	}
}

// stats returns nil if no request is ever locked.
func (l *locks) stats() *LockStats {
	if l.mode == LockNone {
		return nil
	}
	s := &LockStats{
		Taken: l.counts.taken.Load(), Passed: l.counts.passed.Load(), Refused: l.counts.refused.Load(),
		Busy: l.counts.busy.Load(), Lost: l.counts.lost.Load(), Skipped: l.counts.skipped.Load(),
	}
	if l.routes != nil {
		s.ReadOnly = l.routes.list()
	}
	return s
}
