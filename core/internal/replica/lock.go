package replica

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/sid"
)

// ErrLockLost means that the lock ended, its node lost it, or someone else has it.
var ErrLockLost = errors.New("the lock is lost")

// Lock is a key on one node that one owner at a time has. The node keeps it and ends it, so instances need not agree on
// what time it is. What is done under it must be safe all the same: who was halted for long learns too late that it ended.
//
// One goroutine may use it, and Extend beside it another one.
type Lock struct {
	node  *node.Node
	key   string
	owner string // unique to this lock
	life  time.Duration
	token atomic.Uint64 // of the value on the node, as last seen; 0: not known
}

// NewLock makes a lock that ends so long after it was last extended: whole seconds, and memcached may end it one earlier.
// Its owner's name is drawn from a source.
func NewLock(at *node.Node, key string, life time.Duration, from *random.Source) *Lock {
	return &Lock{node: at, key: key, owner: strconv.FormatUint(from.Uint64(), 36), life: life}
}

// Take reports whether the lock is ours now.
func (l *Lock) Take(ctx context.Context) (bool, error) {
	err := l.node.Add(ctx, l.key, node.Item{Value: []byte(l.owner)}, l.life)
	if errors.Is(err, node.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// Extend lets the lock last its whole life from now on. It answers ErrLockLost if it is not ours any more.
func (l *Lock) Extend(ctx context.Context) error { return l.replace(ctx, l.life) }

// Release ends the lock if it is still ours, and answers ErrLockLost if not. After another error it ends by itself.
func (l *Lock) Release(ctx context.Context) error {
	if token := l.token.Load(); token != 0 {
		item := node.Item{Value: []byte(l.owner), Token: token}
		if err := l.node.CompareAndSwap(ctx, l.key, item, atOnce); !errors.Is(err, node.ErrConflict) {
			return lost(err)
		}
	}
	return l.replace(ctx, atOnce)
}

// atOnce is the time to live of what is to be gone.
const atOnce = -time.Second

func (l *Lock) replace(ctx context.Context, ttl time.Duration) error {
	item, err := l.node.Get(ctx, l.key)
	if err != nil {
		return lost(err)
	}
	if string(item.Value) != l.owner {
		return ErrLockLost
	}
	l.token.Store(0)
	return lost(l.node.CompareAndSwap(ctx, l.key, item, ttl))
}

func lost(err error) error {
	if errors.Is(err, node.ErrMiss) || errors.Is(err, node.ErrConflict) {
		return ErrLockLost
	}
	return err
}

// getWith asks for a key in one round trip with the lock, so that Release knows the lock's token.
func (l *Lock) getWith(ctx context.Context, key string) (node.Item, error) {
	item, own, err := l.node.GetWith(ctx, key, l.key)
	if string(own.Value) == l.owner {
		l.token.Store(own.Token)
	}
	return item, err
}

// How long to wait before another look at a lock that someone has: ever longer, and not in step with others who wait.
const (
	lockPollMin = time.Millisecond
	lockPollMax = 40 * time.Millisecond
)

// Lock waits for the lock of the session with the token until ctx ends, whose cause it answers then. It lies on the node
// on which a new session with this token would, whatever node the client's id names: all cookies of a session lead to
// one lock. It answers ErrUnavailable if no node is available.
func (s *Store) Lock(ctx context.Context, token string, life time.Duration) (*Lock, error) {
	home, key := s.key(token), sid.Key(s.KeyPrefix, sid.Lock, token)
	own := s.Random.Of(key) // who waits for one lock has nothing to do with who waits for another
	for wait := lockPollMin; ; wait = min(2*wait, lockPollMax) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		lock, err := s.tryLock(ctx, home, key, life)
		if lock != nil || err != nil {
			return lock, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + own.Wait(wait)):
		}
	}
}

// tryLock answers nil if someone has the lock. An attempt is not given up when ctx ends: nobody would know whether it
// got the lock, and who did not release it.
func (s *Store) tryLock(ctx context.Context, home, key string, life time.Duration) (*Lock, error) {
	for _, n := range s.Cluster.Ranking(home) {
		if !n.Available() {
			continue
		}
		lock := NewLock(n, key, life, s.Random)
		taken, err := lock.Take(context.WithoutCancel(ctx))
		switch {
		case taken:
			return lock, nil
		case err == nil:
			return nil, nil
		}
		// It failed, so it is not available any more, or it has no connection to spare.
		if errors.Is(err, node.ErrBusy) {
			return nil, busy(n, err)
		}
	}
	return nil, s.without(nil, ErrUnavailable, "")
}

// Under tells the access which lock its caller has. It costs nothing then to learn what is needed to release it, if the
// session's home keeps it.
func (a *Access) Under(lock *Lock) { a.lock = lock }
