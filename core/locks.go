package msm

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// maxWaiting is how many requests of one session may wait for its lock in one instance. Browsers open six connections
// to a host, and as many streams over one as they like: with more than this it is not a browser, or nothing moves.
const maxWaiting = 64

// maxPassed is how many requests in a row may have the lock within an instance. Then others have passPause, in which each
// of them looks at least once.
const (
	maxPassed = 16
	passPause = 60 * time.Millisecond
)

// locks has the requests of a session wait for each other. It is safe for concurrent use.
type locks struct {
	mode   Locking
	uri    *regexp.Regexp
	wait   time.Duration
	expiry time.Duration
	store  *replica.Store
	turns  *turns
	routes *routes // what LockAuto has learnt
	counts struct{ taken, passed, refused, busy, lost, skipped atomic.Uint64 }
}

func newLocks(store *replica.Store, c *Config) *locks {
	l := &locks{wait: c.LockWait, expiry: c.LockExpiry, store: store, turns: newTurns(maxWaiting)}
	l.mode, l.uri, _ = c.Locking.parse() // checked with the configuration
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

// sessionLock is the lock of one session, which this instance has.
type sessionLock struct {
	*lease
	passed int // how often it was passed on
	gone   atomic.Bool
}

// take waits for the lock of the session with the token, in this instance and then among all. It answers ErrLocked if
// that takes too long, ErrBusy, ErrUnavailable, or that ctx has ended.
func (l *locks) take(ctx context.Context, token string) (*sessionLock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.wait, ErrLocked)
	defer cancel()
	lock, _, err := l.turns.take(ctx, token)
	switch {
	case err != nil:
		if lock != nil {
			lock.release(context.WithoutCancel(ctx))
		}
	case lock == nil:
		if lock, err = l.acquire(ctx, token); err != nil {
			l.turns.give(token, nil)
		}
	default:
		l.counts.passed.Add(1)
	}
	if err != nil {
		return nil, l.refused(err)
	}
	return lock, nil
}

func (l *locks) acquire(ctx context.Context, token string) (*sessionLock, error) {
	taken, err := l.store.Lock(ctx, token, l.expiry)
	if err != nil {
		return nil, err
	}
	l.counts.taken.Add(1)
	lock := &sessionLock{}
	lock.lease = keepLock(taken, l.expiry, func() {
		lock.gone.Store(true)
		l.counts.lost.Add(1)
	})
	return lock, nil
}

func (l *locks) refused(err error) error {
	switch {
	case errors.Is(err, ErrLocked):
		l.counts.refused.Add(1)
	case errors.Is(err, ErrBusy):
		l.counts.busy.Add(1)
	}
	return err
}

// give passes the lock on to who waits for it in this instance, or releases it.
func (l *locks) give(ctx context.Context, token string, lock *sessionLock) {
	lock.passed++
	mayPass := lock.passed < maxPassed
	if mayPass && !lock.gone.Load() && l.turns.awaited(token) {
		if !l.turns.give(token, lock) {
			lock.release(ctx)
		}
		return
	}
	lock.release(ctx)
	if !mayPass && l.turns.awaited(token) {
		time.AfterFunc(passPause, func() { l.turns.give(token, nil) })
		return
	}
	l.turns.give(token, nil)
}

// stats answers nil if nothing is ever locked.
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
