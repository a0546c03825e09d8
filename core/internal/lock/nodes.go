package lock

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/sid"
)

// Nodes are where the locks of sessions lie.
type Nodes struct {
	Cluster   *cluster.Cluster
	KeyPrefix string         // begins every key in memcached
	Patience  time.Duration  // how long to wait for nodes to be probed if none is available
	Random    *random.Source // source of the owners' names, and of pauses between looks; nil: the runtime's
}

// Bounds of the pause between two looks at a lock that someone has. It grows, and is random, so that waiting instances
// are not in step.
const (
	lockPollMin = time.Millisecond
	lockPollMax = 40 * time.Millisecond
)

// Lock waits for the lock of the session with the token until ctx ends, and then returns ctx's cause. The lock is on
// the node on which a new session with this token would be, no matter which node the client's id names: all cookies of
// a session lead to one lock (rule K1). Lock returns cluster.ErrUnavailable if no node is available.
//
// An instance that had the lock, and saw others wait for it, lets one of them go first: it does not take the lock
// before the time yield unless someone else has had it. The zero time: it waits for nobody.
func (s Nodes) Lock(ctx context.Context, token string, life time.Duration, yield time.Time) (*Lock, error) {
	t := lockTry{home: sid.Key(s.KeyPrefix, sid.Record, token), key: sid.Key(s.KeyPrefix, sid.Lock, token), owner: newOwner(s.Random), life: life, yield: yield}
	s.Cluster.AwaitNode(ctx, s.Patience)
	own := s.Random.Of(t.key) // waiting for one lock has nothing to do with waiting for another
	for wait := lockPollMin; ; wait = min(2*wait, lockPollMax) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		lock, err := s.try(context.WithoutCancel(ctx), &t)
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

// lockTry is one wait for a lock. Its home is the key by which nodes are ranked.
type lockTry struct {
	home, key, owner string
	life             time.Duration
	yield            time.Time
	waited           bool
}

// try returns nil if someone has the lock, or is to go first. It must not end with the request's context: nobody
// would know whether an attempt that was given up got the lock, and nobody would release it (rule K5).
func (s Nodes) try(ctx context.Context, t *lockTry) (*Lock, error) {
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
		// Nobody has the lock there, so the next node is tried. Versions keep writes safe.
		case !n.Available(), errors.Is(err, memcache.ErrFull), errors.Is(err, memcache.ErrRefused):
		// The lock may be ours now. If the node is down, that will be known in a moment.
		case node.OutOfTime(err):
			return nil, nil
		default: // the node is there, so others may have the lock there
			return nil, cluster.Busy(n, err)
		}
	}
	missing := s.Cluster.Missing(func(*node.Node) error { return nil })
	return nil, &cluster.Unavailable{Kind: cluster.ErrUnavailable, Nodes: missing}
}
