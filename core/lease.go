package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// extensions is how often a lease is extended in its life: one may fail, and memcached may end it a second early.
const extensions = 5

// lease is a lock that is extended until it is given up. It is safe for concurrent use, but for release.
type lease struct {
	lock  *replica.Lock
	every time.Duration
	lost  func() // called once, should the lock be lost
	first *time.Timer
	stop  chan struct{}
	ended chan struct{}
}

// keepLock begins to extend a lock of such a life that has just been taken. Most are released before the first time.
func keepLock(lock *replica.Lock, life time.Duration, lost func()) *lease {
	l := &lease{lock: lock, every: life / extensions, lost: lost, stop: make(chan struct{}), ended: make(chan struct{})}
	l.first = time.AfterFunc(l.every, l.extend)
	return l
}

func (l *lease) extend() {
	defer close(l.ended)
	for {
		if errors.Is(l.lock.Extend(context.Background()), replica.ErrLockLost) {
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

// release gives the lock up, once. If that fails it ends by itself.
func (l *lease) release(ctx context.Context) {
	close(l.stop)
	if !l.first.Stop() {
		<-l.ended
	}
	_ = l.lock.Release(ctx)
}
