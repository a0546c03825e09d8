package node

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// Probe probes the node. It reads the epoch, gives the node one if it has none, as after a restart, and replaces it if
// nobody knows what on the node is stale. Only then the node becomes available. An error that says nothing about the
// node, such as a lost race with another instance or the end of ctx, leaves its state as it was; any other error makes
// it unavailable.
func (n *Node) Probe(ctx context.Context) error {
	n.availability.mu.Lock()
	events, stale := n.availability.events, n.availability.stale
	n.availability.mu.Unlock()
	began := time.Now()
	defer n.suspicion.probing()()
	epoch, watched, err := n.probe(ctx, stale)
	if err == nil {
		err = n.options.Servers.enter(n, epoch, func() error { return n.up(epoch, events) })
	}
	switch {
	case err == nil:
		if n.options.OnProbe != nil {
			n.options.OnProbe(n, watched, began)
		}
	case probeFailed(err) && ctx.Err() == nil:
		why := fmt.Errorf("probe: %w", err)
		n.fail(why)
		n.report(why)
	}
	return err
}

// probe returns the node's epoch, which it replaces if need be, and the values of the watched keys.
func (n *Node) probe(ctx context.Context, stale staleness) (epoch uint32, watched map[string]memcache.Item, err error) {
	r, err := n.prober.read(ctx)
	if err != nil {
		return 0, nil, err
	}
	n.mark.take(r.mark)
	if !r.hasEpoch {
		stale = staleness{} // it was about an epoch that the node has lost
	}
	epoch, item, err := n.prober.epochOf(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	if epoch != 0 && !stale.of(epoch) && !n.missedUse() {
		n.markUse(ctx, r.mark)
		return epoch, r.watched, nil
	}
	if err := n.options.Servers.may(n, epoch); err != nil {
		return 0, nil, err
	}
	epoch, err = n.prober.replace(ctx, item)
	return epoch, r.watched, err
}

// markUse stores when the node came into use. Later it stores, every 15 seconds, that the node is in use, but not
// before it has been available for as long: until then this process compares all nodes as they were when it began. If a
// write fails, a later probe or another instance repeats it.
func (n *Node) markUse(ctx context.Context, read memcache.Item) {
	s, now, began := n.availability.state.Load(), time.Now(), n.mark.began.Load()
	key := n.options.UseKey
	switch {
	case key == "":
	case read.Token == 0:
		next := memcache.Item{Value: formatMark(0, now.UnixMicro())}
		if n.prober.client.Add(ctx, key, next, 0) == nil {
			n.mark.began.Store(now.UnixMicro())
		}
	case began == 0: // the mark could not be read yet
	case s.available && now.Sub(s.since) >= useEvery && n.mark.due(now):
		next := memcache.Item{Value: formatMark(now.Unix(), began), Token: read.Token}
		_ = n.prober.client.CompareAndSwap(ctx, key, next, 0)
	}
}

// up makes the node available, if nothing speaks against that.
func (n *Node) up(epoch uint32, events uint64) error {
	n.availability.mu.Lock()
	defer n.availability.mu.Unlock()
	was := n.availability.state.Load()
	is, err := n.availability.admit(epoch, events, n.mark.since(), time.Now())
	if err != nil {
		return err
	}
	switch {
	case !was.available:
		if was.epoch != 0 {
			n.doubt.comeBack()
		}
		n.log(slog.LevelInfo, "node is up")
	case was.epoch != epoch:
		n.log(slog.LevelInfo, "node has a new epoch: it was restarted, or another instance does not know what on it is stale")
	}
	n.availability.state.Store(is)
	return nil
}

// report logs why a probe has found the node unavailable.
func (n *Node) report(why error) {
	n.availability.mu.Lock()
	defer n.availability.mu.Unlock()
	if message := n.availability.report(why); message != "" {
		n.log(slog.LevelWarn, message, "error", why)
	}
}
