package replica

import (
	"context"
	"errors"
	"strconv"
	"strings"
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

	waited  bool        // someone had it when it was wanted, or was let go first
	awaited atomic.Bool // someone has asked for it since it was taken
}

// asked is what those who wait append to the value on the node, which else is the owner's name.
const asked = "+"

// NewLock makes a lock that ends so long after it was last extended: whole seconds, and memcached may end it one earlier.
// Its owner's name is drawn from a source.
func NewLock(at *node.Node, key string, life time.Duration, from *random.Source) *Lock {
	return &Lock{node: at, key: key, owner: newOwner(from), life: life}
}

func newOwner(from *random.Source) string { return strconv.FormatUint(from.Uint64(), 36) }

// Take reports whether the lock is ours now.
func (l *Lock) Take(ctx context.Context) (bool, error) {
	err := l.node.Add(ctx, l.key, node.Item{Value: []byte(l.owner)}, l.life)
	if errors.Is(err, node.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// Waited reports whether Store.Lock did not have the lock at once.
func (l *Lock) Waited() bool { return l.waited }

// Awaited reports whether others were seen to wait for the lock, as far as Extend, Release or a load under it could see.
func (l *Lock) Awaited() bool { return l.awaited.Load() }

// ask tells whoever has the lock that someone waits for it, and reports whether someone has it, and whether that is us, by an
// attempt of which no answer came. That is appended, so that the lock does not last longer for it. If it fails, the owner does
// not know: no more is lost.
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

// owns reports whether a value on the node is of this lock, and takes note of whether others wait.
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

// replace writes the lock as it is with another time to live. Those who ask for it meanwhile have it begin anew.
func (l *Lock) replace(ctx context.Context, ttl time.Duration) error {
	for range tries {
		item, err := l.node.Get(ctx, l.key)
		if err != nil {
			return lost(err)
		}
		if !l.owns(item.Value) {
			return ErrLockLost
		}
		l.token.Store(0)
		if err = l.node.CompareAndSwap(ctx, l.key, item, ttl); !errors.Is(err, node.ErrConflict) {
			return lost(err)
		}
	}
	return ErrLockLost
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
	if l.owns(own.Value) {
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
//
// Who has had the lock, and has seen others wait for it, lets one of them go first: until that time, if none comes.
func (s *Store) Lock(ctx context.Context, token string, life time.Duration, yield time.Time) (*Lock, error) {
	t := lockTry{home: s.key(token), key: sid.Key(s.KeyPrefix, sid.Lock, token), owner: newOwner(s.Random), life: life, yield: yield}
	s.awaitNode(ctx)
	own := s.Random.Of(t.key) // who waits for one lock has nothing to do with who waits for another
	for wait := lockPollMin; ; wait = min(2*wait, lockPollMax) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		lock, err := s.tryLock(context.WithoutCancel(ctx), &t)
		if lock != nil || err != nil {
			return lock, err
		}
		t.waited = true
		pause := wait/2 + own.Wait(wait)
		if left := time.Until(t.yield); left > 0 {
			pause = min(pause, left)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// lockTry is the wait for a lock.
type lockTry struct {
	home, key, owner string
	life             time.Duration
	yield            time.Time
	waited           bool
}

// tryLock answers nil if someone has the lock, or is to go first. An attempt is not given up when the request's context
// ends: nobody would know whether it got the lock, and who did not release it.
func (s *Store) tryLock(ctx context.Context, t *lockTry) (*Lock, error) {
	for _, n := range s.Cluster.Ranking(t.home) {
		if !n.Available() {
			continue
		}
		lock := &Lock{node: n, key: t.key, owner: t.owner, life: t.life, waited: t.waited}
		if time.Now().Before(t.yield) {
			if taken, _ := lock.ask(ctx); taken {
				t.yield = time.Time{} // someone has gone first
			}
			return nil, nil
		}
		taken, err := lock.Take(ctx)
		switch {
		case taken:
			return lock, nil
		case err == nil:
			if _, ours := lock.ask(ctx); ours {
				return lock, nil
			}
			return nil, nil
		}
		switch {
		case !n.Available(), errors.Is(err, node.ErrFull), errors.Is(err, node.ErrRefused): // nobody has it there; versions keep writes safe
		case node.OutOfTime(err): // it may be ours now, and if the node is away that will be known in a moment
			return nil, nil
		default: // while it is there, others may have the lock there
			return nil, busy(n, err)
		}
	}
	return nil, s.without(nil, ErrUnavailable, "")
}

// Under tells the access which lock its caller has. It costs nothing then to learn what is needed to release it, if the
// session's home keeps it.
func (a *Access) Under(lock *Lock) { a.lock = lock }
