package lock

import (
	"context"
	"errors"
	"time"
)

// Extensions is how many times a lock is extended within its life: one may fail, and memcached may end it a second
// early.
const Extensions = 5

// Lease extends a lock until it is released. It is safe for concurrent use, except for Release.
type Lease struct {
	Lock  *Lock
	every time.Duration // between two extensions
	lost  func()        // called if the lock is lost, at most once
	first *time.Timer   // starts extend; most locks are released before
	stop  chan struct{} // closed by Release
	ended chan struct{} // closed when extend returns
}

// Keep begins to extend a lock that has just been taken and lasts for life. It calls lost if the lock is lost.
func Keep(lock *Lock, life time.Duration, lost func()) *Lease {
	l := &Lease{Lock: lock, every: life / Extensions, lost: lost, stop: make(chan struct{}), ended: make(chan struct{})}
	l.first = time.AfterFunc(l.every, l.extend)
	return l
}

// extend extends the lock until it is released or lost. Other errors are left to the next extension.
func (l *Lease) extend() {
	defer close(l.ended)
	for {
		if errors.Is(l.Lock.Extend(context.Background()), ErrLockLost) {
			l.lost()
			return
		}
		select {
		case <-l.stop:
			return
		case <-time.After(l.every):
		}
	}
}

// Release ends the extensions and releases the lock; it must be called once. If that fails the lock expires.
func (l *Lease) Release(ctx context.Context) {
	close(l.stop)
	if !l.first.Stop() {
		<-l.ended
	}
	_ = l.Lock.Release(ctx)
}
