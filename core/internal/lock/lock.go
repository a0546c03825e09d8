// Package lock makes the requests of a session wait for each other, within an instance and among all.
//
//   - lock.go: Lock, a key on one node that one owner at a time has
//   - lease.go: Lease, which extends a lock until it is released
//   - nodes.go: on which node the lock of a session lies, and how an instance waits for it
//   - locks.go: Locks, which hands a lock from one request of the instance to the next
//   - routes.go: Routes, on which requests are known to change nothing (LockAuto)
package lock

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
)

// ErrLockLost means that the lock has expired, its node has lost it, or someone else has it.
var ErrLockLost = errors.New("the lock is lost")

// Lock is a lease: a key on one node that one owner at a time has. The node keeps it and lets it expire, so the clocks
// of instances do not matter. What is done under the lock must be safe without it, because an owner that stood still
// learns too late that it has expired.
//
// Only one goroutine may use it, except that another one may call Extend at the same time.
type Lock struct {
	node  *node.Node
	key   string
	owner string        // unique to this lock
	life  time.Duration // how long it lasts without Extend
	token atomic.Uint64 // of the value on the node, as last seen; 0: not known

	waited  bool        // someone had it when it was wanted, or was let go first
	awaited atomic.Bool // someone has asked for it since it was taken
}

// asked is what waiting instances append to the value on the node, which otherwise is the owner's name.
const asked = "+"

// NewLock returns a lock that nobody has taken yet. It expires that long after it was taken or last extended: life
// counts in whole seconds, and memcached may let it expire one second early. The owner's name is drawn from the source.
func NewLock(at *node.Node, key string, life time.Duration, from *random.Source) *Lock {
	return &Lock{node: at, key: key, owner: newOwner(from), life: life}
}

func newOwner(from *random.Source) string { return strconv.FormatUint(from.Uint64(), 36) }

// Take tries once to take the lock, and reports whether it is ours now (rule K2). After an error it may be.
func (l *Lock) Take(ctx context.Context) (bool, error) {
	err := l.node.Add(ctx, l.key, memcache.Item{Value: []byte(l.owner)}, l.life)
	if errors.Is(err, memcache.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// Waited reports whether Nodes.Lock did not get the lock at once.
func (l *Lock) Waited() bool { return l.waited }

// Awaited reports whether others were seen to wait for the lock by Extend, Release or a load under it.
func (l *Lock) Awaited() bool { return l.awaited.Load() }

// ask tells the owner of the lock that someone waits for it. It reports whether someone has the lock, and whether that
// is us, by an attempt that got no answer. It appends to the value, so the lock does not last longer. If that fails,
// the owner does not know, and nothing worse happens.
func (l *Lock) ask(ctx context.Context) (taken, ours bool) {
	item, err := l.node.Get(ctx, l.key)
	if err != nil {
		return false, false
	}
	if ours = l.owns(item.Value); !ours && !strings.Contains(string(item.Value), asked) {
		_ = l.node.Append(ctx, l.key, []byte(asked))
	}
	return true, ours
}

// owns reports whether a value on the node is of this lock, and remembers if others wait for it.
func (l *Lock) owns(value []byte) bool {
	owner, _, awaited := strings.Cut(string(value), asked)
	if owner != l.owner {
		return false
	}
	if awaited {
		l.awaited.Store(true)
	}
	return true
}

// Extend lets the lock last its whole life from now on. It returns ErrLockLost if the lock is not ours any more.
func (l *Lock) Extend(ctx context.Context) error { return l.replace(ctx, l.life) }

// Release ends the lock. It returns ErrLockLost if the lock is not ours any more. After any other error the lock
// expires by itself.
func (l *Lock) Release(ctx context.Context) error {
	if token := l.token.Load(); token != 0 {
		item := memcache.Item{Value: []byte(l.owner), Token: token}
		if err := l.node.CompareAndSwap(ctx, l.key, item, atOnce); !errors.Is(err, memcache.ErrConflict) {
			return lost(err)
		}
	}
	return l.replace(ctx, atOnce)
}

// replaceTries is how often replace begins anew: whoever asks for the lock changes its value once.
const replaceTries = 32

// atOnce is the time to live of a value that is to vanish.
const atOnce = -time.Second

// replace writes the lock's value with another time to live. If someone asks for the lock meanwhile, which changes the
// value, it begins anew (rule K3).
func (l *Lock) replace(ctx context.Context, ttl time.Duration) error {
	for range replaceTries {
		item, err := l.node.Get(ctx, l.key)
		if err != nil {
			return lost(err)
		}
		if !l.owns(item.Value) {
			return ErrLockLost
		}
		l.token.Store(0)
		if err = l.node.CompareAndSwap(ctx, l.key, item, ttl); !errors.Is(err, memcache.ErrConflict) {
			return lost(err)
		}
	}
	return ErrLockLost
}

// lost returns ErrLockLost for the errors that mean so, and any other error as it is.
func lost(err error) error {
	if errors.Is(err, memcache.ErrMiss) || errors.Is(err, memcache.ErrConflict) {
		return ErrLockLost
	}
	return err
}

// At reports whether the lock is on that node.
func (l *Lock) At(n *node.Node) bool { return l.node == n }

// GetWith reads a key of its node and the lock in one round trip, so that Release knows the lock's token.
func (l *Lock) GetWith(ctx context.Context, key string) (memcache.Item, error) {
	item, own, err := l.node.GetWith(ctx, key, l.key)
	if l.owns(own.Value) {
		l.token.Store(own.Token)
	}
	return item, err
}
