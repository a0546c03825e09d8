package copies

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
)

// watch is how an instance watches a node: it reads the messages that others have left there, and brings the node what
// it owes it (hinted handoff).
func (w *world) watch(in *instance) node.Options {
	return node.Options{EpochKey: "epoch", Watch: mailbox.Keys("msm:", ""), OnProbe: func(n *node.Node, mailboxes map[string]memcache.Item, began time.Time) {
		in.inbox.Probed(n, mailboxes, began)
		in.inbox.Read(context.WithValue(in.ctx, processKey{}, 0))
		for _, key := range in.store.Owed(n) {
			w.deliver(in, n, key)
		}
	}}
}

// delivery is the session that an instance brings to a node.
type delivery struct {
	instance *instance
	node     *node.Node
	key      string
}

// deliver begins a delivery, unless it is under way already: the real courier makes deliveries one after the other.
func (w *world) deliver(in *instance, n *node.Node, key string) {
	d := delivery{in, n, key}
	w.mu.Lock()
	_, underWay := w.deliveries[d]
	w.deliveries[d] = struct{}{}
	w.mu.Unlock()
	if underWay {
		return
	}
	w.later(in, func(ctx context.Context) {
		_ = in.store.Deliver(ctx, n, key)
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.deliveries, d)
	})
}

// ear handles the messages of an instance.
type ear struct {
	world    *world
	instance *instance
}

// Receive implements mailbox.Receiver.
func (e ear) Receive(_ context.Context, at *node.Node, list []mailbox.Message) {
	for _, m := range list {
		e.world.later(e.instance, func(ctx context.Context) { _ = e.instance.store.Receive(ctx, m, at.ID()) })
	}
}

// CaughtUp implements mailbox.Receiver.
func (ear) CaughtUp(time.Time) {}

// later has an instance do something after a look at a node.
func (w *world) later(in *instance, task func(ctx context.Context)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !in.dead {
		w.errands = append(w.errands, &process{kind: errand, instance: in, task: task})
	}
}

// owes reports whether an instance has something to do after a look at a node, or owes a node something.
func (r *run) owes() bool {
	if len(r.errands) > 0 {
		return true
	}
	for _, in := range r.instances {
		for _, n := range in.nodes {
			if n != nil && len(in.store.Owed(n)) > 0 {
				return true
			}
		}
	}
	return false
}
