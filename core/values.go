package msm

import (
	"context"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/repair"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// values are what is stored like sessions, but under tokens that are made from names, and not found by ids: the values of a
// Store, and the lists of principals' sessions. They are never held in memory. It is safe for concurrent use.
type values struct {
	store      *replica.Store
	turns      *keyqueue.Queues[struct{}]
	background *repair.Queue
	homes      *recent.Map[string, string] // by token, the node of a value that does not lie where a new one would
	closed     *atomic.Bool                // the manager's
}

// entrance is the access to one value.
type entrance struct {
	*replica.Access
	values       *values
	token, asked string // asked: the node that is asked first
}

// place returns the token and the node where the value was found to lie, or else where a new one would be made.
func (v *values) place(token string) sid.ID {
	home := v.homes.Get(token)
	if _, known := v.store.Cluster.Node(home); home == "" || !known {
		home = v.store.FirstNode(token)
	}
	return sid.ID{Token: token, Node: home}
}

// enter begins an access.
func (v *values) enter(token string) *entrance {
	asked := v.place(token).Node
	return &entrance{Access: v.store.Open(token, asked), values: v, token: token, asked: asked}
}

// leave remembers where the value lies, if that is not the node that was asked first, and has what needs repair
// repaired in the background.
func (e *entrance) leave() {
	if home := e.Home(); home != e.asked {
		e.values.homes.Put(e.token, home)
	}
	if e.NeedsHeal() {
		e.values.background.Heal(e.id())
	}
}

// id returns the value's token and where it lies.
func (e *entrance) id() sid.ID { return sid.ID{Token: e.token, Node: e.Home()} }

// ready returns why no access can begin; nil: it can.
func (v *values) ready(ctx context.Context) error {
	if v.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// overwrite calls do, one call after the other for each token in this instance, so that they do not meet at the node. A
// write that has begun is not given up when ctx ends: it would be half done.
func (v *values) overwrite(ctx context.Context, token string, do func(context.Context, *entrance) error) error {
	if err := v.ready(ctx); err != nil {
		return err
	}
	at := v.enter(token)
	defer at.leave()
	ctx = node.WithFailures(ctx)
	if _, _, err := v.turns.Acquire(ctx, token); err != nil {
		return err
	}
	defer v.turns.Release(token, nil)
	return do(context.WithoutCancel(ctx), at)
}
