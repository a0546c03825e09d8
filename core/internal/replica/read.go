package replica

import (
	"context"
	"errors"
	"sync"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/quorum"
)

// answer is what came of asking one node.
type answer struct {
	quorum.CopyState
	answered bool  // the node said something, even if only that it has nothing
	failed   error // why it did not answer; this request does not ask it again
	err      error // the request cannot go on
}

// ask asks one node for its copy and, if epoch is set, for its epoch. It may run in parallel with others, so what it
// learns enters the access later, by note.
func (a *Access) ask(ctx context.Context, n *node.Node, epoch bool) answer {
	if !a.usable(n) { // nor asked later in this request, which goes on without what is there
		return answer{CopyState: quorum.CopyState{Node: n.ID()}, failed: node.ErrDown}
	}
	got := answer{CopyState: quorum.CopyState{Node: n.ID(), Debt: a.store.hints.debt(n, a.key)}}
	item, now, err := a.read(ctx, n, epoch)
	if err == nil {
		got.Rec, got.err = a.decode(ctx, item.Value)
	}
	if err == nil && got.Rec == nil && got.err == nil { // the copy is damaged
		if item, err = readAgain(ctx, n, a.key, item); err == nil {
			got.Rec, got.err = a.decode(ctx, item.Value)
		}
	}
	switch {
	case err == nil:
		got.answered, got.Token, got.Epoch = true, item.Token, now
	case errors.Is(err, memcache.ErrMiss):
		got.answered = true
	default:
		got.failed, got.err = failed(ctx, n, err)
	}
	return got
}

// read gets a node's copy of the session, and the node's epoch: read from the node if epoch is set, otherwise as last
// known.
func (a *Access) read(ctx context.Context, n *node.Node, epoch bool) (item memcache.Item, now uint32, err error) {
	now = n.Epoch()
	switch {
	case epoch:
		return n.GetWithEpoch(ctx, a.key)
	case a.caller.lock != nil && a.caller.lock.At(n):
		item, err = a.caller.lock.GetWith(ctx, a.key)
	default:
		item, err = n.Get(ctx, a.key)
	}
	return item, now, err
}

// note records that the node failed, if it did, and returns the error that ends the request, if there is one.
func (a *Access) note(n *node.Node, got answer) error {
	if got.failed != nil {
		a.fail(n, got.failed)
	}
	return got.err
}

// askOthers asks every usable node, except the one that is asked first, in parallel for the record together with the
// node's epoch.
func (a *Access) askOthers(ctx context.Context, seen quorum.Copies) (quorum.Copies, error) {
	var others []*node.Node
	for _, m := range a.store.Cluster.Members() {
		if m.Node.ID() != a.node && a.usable(m.Node) {
			others = append(others, m.Node)
		}
	}
	answers := make([]answer, len(others))
	var wg sync.WaitGroup
	for i, n := range others {
		wg.Go(func() { answers[i] = a.ask(ctx, n, true) })
	}
	wg.Wait()
	for i, got := range answers {
		if err := a.note(others[i], got); err != nil {
			return nil, err
		}
		if got.answered {
			seen = append(seen, got.CopyState)
		}
	}
	return seen, nil
}

// failed tells the failure of a node, which the request can do without, from an error that ends the request: its
// context is done, or the node is up but has no free connection (rule C15).
func failed(ctx context.Context, n *node.Node, err error) (failure, over error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, memcache.ErrBusy):
		return nil, cluster.Busy(n, err)
	}
	return err, nil
}
