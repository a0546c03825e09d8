package lock

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/recent"
)

// ErrLocked means that other requests had the lock for longer than a request may wait.
var ErrLocked = errors.New("msm: the session is locked by another request")

// MaxWaiting is how many requests of one session may wait for its lock in one instance; more are keyqueue.ErrBusy.
// Browsers open six connections to a host, and as many streams on one as they like: so many requests do not come from a
// browser, or the handlers are stuck.
const MaxWaiting = 64

// MaxPassed is how many requests of an instance in a row may have the lock before it is released for other instances.
const MaxPassed = 16

// YieldTime is how long an instance that has released a lock lets others take it first, if some were seen to wait for
// it. Each of those tries at least once in that time.
const YieldTime = 60 * time.Millisecond

// yieldLimit is how many sessions are remembered, in each of two generations, in which others go first.
const yieldLimit = 1000

// Locks makes the requests of a session wait for each other: in a queue within the instance, and for a lock on a node
// among instances. It is safe for concurrent use.
type Locks struct {
	nodes  Nodes
	wait   time.Duration                 // how long a request waits at most
	expiry time.Duration                 // of a lock on its node
	queues *keyqueue.Queues[SessionLock] // of the sessions' requests within the instance
	yields *recent.Times                 // until when other instances go first

	Counters
}

// Counters are what has become of requests that needed a lock.
type Counters struct {
	Acquired   counter.Counter // locks taken on a node
	HandedOver counter.Counter // requests that got the lock from another one of this instance
	TimedOut   counter.Counter // ErrLocked
	Busy       counter.Counter // keyqueue.ErrBusy
	Lost       counter.Counter // locks that ended before they were released
}

// New returns Locks by which a request waits that long at most for a lock, which expires that long after its owner has
// crashed.
func New(nodes Nodes, wait, expiry time.Duration) *Locks {
	return &Locks{nodes: nodes, wait: wait, expiry: expiry, queues: keyqueue.New[SessionLock](keyqueue.Limit{Waiting: MaxWaiting}), yields: recent.NewTimes(yieldLimit)}
}

// SessionLock is the lock of one session, held by this instance.
type SessionLock struct {
	*Lease
	passes int // how many more requests it may be passed on to
	gone   atomic.Bool
}

// Acquire waits for the session's lock, first within this instance and then among all (rule K7). Who gets it must call
// Release. The error is ErrLocked after the longest wait, keyqueue.ErrBusy, cluster.ErrUnavailable, or the cause with which
// ctx has ended.
func (l *Locks) Acquire(ctx context.Context, token string) (*SessionLock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.wait, ErrLocked)
	defer cancel()
	lock, _, err := l.queues.Acquire(ctx, token)
	switch {
	case err != nil:
		if lock != nil {
			l.release(context.WithoutCancel(ctx), token, lock)
		}
	case lock == nil:
		if lock, err = l.take(ctx, token); err != nil {
			l.queues.Release(token, nil)
		}
	default:
		l.HandedOver.Add(1)
	}
	if err != nil {
		return nil, l.refused(err)
	}
	return lock, nil
}

// take takes the lock from its node. If other instances compete for it, it will be passed on only to requests that wait
// here by now: so all requests get it about in the order in which they came, in whatever instance.
func (l *Locks) take(ctx context.Context, token string) (*SessionLock, error) {
	taken, err := l.nodes.Lock(ctx, token, l.expiry, l.yields.Of(token))
	if err != nil {
		return nil, err
	}
	l.Acquired.Add(1)
	lock := &SessionLock{passes: MaxPassed - 1}
	if taken.Waited() {
		lock.passes = min(lock.passes, l.queues.Waiting(token))
	}
	lock.Lease = Keep(taken, l.expiry, func() {
		lock.gone.Store(true)
		l.Lost.Add(1)
	})
	return lock, nil
}

// refused counts an error of Acquire, and returns it.
func (l *Locks) refused(err error) error {
	switch {
	case errors.Is(err, ErrLocked):
		l.TimedOut.Add(1)
	case errors.Is(err, keyqueue.ErrBusy):
		l.Busy.Add(1)
	}
	return err
}

// Release passes the lock on to the request that has waited longest in this instance, or releases it (rule K6).
func (l *Locks) Release(ctx context.Context, token string, lock *SessionLock) {
	lock.passes--
	mayPass := lock.passes >= 0
	if mayPass && !lock.gone.Load() && l.queues.Waiting(token) > 0 {
		if !l.queues.Release(token, lock) {
			l.release(ctx, token, lock)
		}
		return
	}
	l.release(ctx, token, lock)
	l.queues.Release(token, nil)
}

// release releases the lock on its node. If other instances wait for it they go first (rule K4).
func (l *Locks) release(ctx context.Context, token string, lock *SessionLock) {
	lock.Release(ctx)
	if lock.Lock.Awaited() {
		l.yields.Put(token, time.Now().Add(YieldTime))
	}
}

// Queued returns how many sessions have their lock taken, or waited for, in this instance.
func (l *Locks) Queued() int { return l.queues.Len() }
