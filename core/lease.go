package msm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// A lease is renewed four times before it ends, and memcached may end it a second early.
const (
	leaseTime  = 5 * time.Second
	leaseRenew = time.Second
)

var errLeaseLost = errors.New("another instance has taken over")

// lease lets one instance at a time do something to a node. The node keeps it and ends it, so instances need not agree on
// what time it is. What is done under it must be safe all the same: who was halted for long learns too late that it ended.
type lease struct {
	node  *node.Node
	key   string
	owner string // unique to this lease
}

func newLease(n *node.Node, key string) *lease {
	return &lease{node: n, key: key, owner: fmt.Sprintf("%016x", rand.Uint64())}
}

// take reports whether the lease is ours now.
func (l *lease) take(ctx context.Context) (bool, error) {
	err := l.node.Add(ctx, l.key, node.Item{Value: []byte(l.owner)}, leaseTime)
	if errors.Is(err, node.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// hold renews the lease until release. The context that it answers ends when the lease was lost.
func (l *lease) hold(ctx context.Context) (held context.Context, release func()) {
	held, lose := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		for sleep(held, leaseRenew) == nil {
			if err := l.extend(held, leaseTime); errors.Is(err, errLeaseLost) {
				lose(err)
			}
		}
	}()
	return held, func() {
		lose(nil)
		<-renewed
		_ = l.extend(context.WithoutCancel(ctx), -time.Second) // it would end by itself
	}
}

// extend lets the lease last so much longer from now on, if it is still ours; a negative time ends it.
func (l *lease) extend(ctx context.Context, d time.Duration) error {
	item, err := l.node.Get(ctx, l.key)
	switch {
	case errors.Is(err, node.ErrMiss), err == nil && string(item.Value) != l.owner:
		return errLeaseLost
	case err != nil:
		return err
	}
	err = l.node.CompareAndSwap(ctx, l.key, item, d)
	if errors.Is(err, node.ErrMiss) || errors.Is(err, node.ErrConflict) {
		return errLeaseLost
	}
	return err
}
