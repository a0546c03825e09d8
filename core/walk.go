package msm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	walkWorkers = 4                      // sessions looked at at a time, each with one operation on one node
	walkTurn    = time.Second            // how often an instance asks whether the walk of another has ended
	walkMark    = time.Second            // how often a walk leaves a checkpoint
	crawlerWait = 100 * time.Millisecond // memcached's own crawler is at work for moments
	crawlerTime = 10 * time.Second
	refillLock  = 5 * time.Second // after the crash of the instance that walks another one begins
)

var errTakenOver = errors.New("another instance has taken over")

// walk is the filler of non-sticky mode: one instance looks at every session that any node has a key of, and heals those
// that lack a copy. It is safe for concurrent use.
type walk struct {
	store *replica.Store
	log   *journal.Journal
	told  sync.Map // ids of nodes of which the log says that they do not list
}

func newWalk(store *replica.Store, log *journal.Journal) *walk { return &walk{store: store, log: log} }

func (w *walk) lockKey() string       { return w.store.KeyPrefix + "refill" }
func (w *walk) checkpointKey() string { return w.store.KeyPrefix + "refilled" }

// fill waits until the walk is done, by this instance or another one.
func (w *walk) fill(ctx context.Context, r *refill) error {
	for {
		at, _, err := readCheckpoint(ctx, r.node, w.checkpointKey(), r.occasion)
		if err != nil {
			return err
		}
		if at.final(w.store.Cluster) {
			r.ended(at)
			return nil
		}
		lock := replica.NewLock(r.node, w.lockKey(), refillLock, w.store.Random)
		ours, err := lock.Take(ctx)
		if err != nil {
			return err
		}
		if ours {
			return w.fillAlone(ctx, r, lock)
		}
		if err := pace.Sleep(ctx, walkTurn); err != nil {
			return err
		}
	}
}

func (w *walk) fillAlone(ctx context.Context, r *refill, lock *replica.Lock) error {
	ctx, lose := context.WithCancelCause(ctx)
	held := keepLock(lock, refillLock, func() { lose(errTakenOver) })
	defer held.release(context.WithoutCancel(ctx))
	defer lose(nil)
	at, _, err := readCheckpoint(ctx, r.node, w.checkpointKey(), r.occasion) // another instance may have got further
	if err != nil {
		return err
	}
	switch {
	case at.final(w.store.Cluster):
		r.ended(at)
		return nil
	case at.ended != "":
		at = checkpoint{occasion: r.occasion} // what is back may have any session
	}
	end, seen, err := w.list(ctx, at)
	if err != nil {
		return endOf(ctx, err)
	}
	seen.skip(at.after)
	r.running(len(seen.keys))
	began := time.Now()
	if len(seen.keys) > 0 {
		w.log.State(ctx, slog.LevelInfo, "refill of "+r.node.ID(), "a node is refilled", "node", r.node.ID(), "sessions", len(seen.keys))
	}
	if err := w.through(ctx, r, seen, at); err != nil {
		return endOf(ctx, err)
	}
	if err := end.write(ctx, r.node, w.checkpointKey()); err != nil {
		return endOf(ctx, err)
	}
	r.ended(end)
	if s := r.stats(); s.Total > 0 {
		w.log.State(ctx, slog.LevelInfo, "refill of "+r.node.ID(), "refilled node",
			"node", r.node.ID(), "sessions", s.Done, "healed", s.Healed, "failed", s.Failed, "took", time.Since(began))
	}
	return nil
}

// endOf tells why the context has ended, if that is why something failed.
func endOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// list asks every available node for the keys of its sessions. The refilled node is one of them: it may be the only one
// that has, from an earlier epoch, a session whose other copy was lost meanwhile. end is how the refill ends, if it does: with a
// server that refuses, or without nodes that are away.
func (w *walk) list(ctx context.Context, at checkpoint) (end checkpoint, seen *seenKeys, err error) {
	seen = newSeenKeys(w.store.KeyPrefix)
	end = checkpoint{occasion: at.occasion, ended: RefillDone}
	for _, m := range w.store.Cluster.Members() {
		if !m.Node.Available() {
			end.without = append(end.without, m.Node.ID())
			continue
		}
		err := keysOf(ctx, m.Node, seen.prefix, seen.adder(m.Node))
		switch {
		case errors.Is(err, node.ErrNoList):
			end.ended = RefillUnlisted
			w.tellUnlisted(m.Node, err)
		case err != nil:
			return checkpoint{}, nil, err
		}
	}
	seen.sort()
	return end, seen, nil
}

func (w *walk) tellUnlisted(n *node.Node, err error) {
	if _, told := w.told.LoadOrStore(n.ID(), true); !told {
		w.log.Warn("a node does not list its keys: sessions of which only it has a copy get another one with their next request, not by a refill",
			"node", n.ID(), "error", err)
	}
}

// keysOf lists the keys of a node, also if its crawler is at work at first.
func keysOf(ctx context.Context, n *node.Node, prefix string, found func(key string)) error {
	for end := time.Now().Add(crawlerTime); ; {
		err := n.Keys(ctx, prefix, found)
		if !errors.Is(err, node.ErrCrawling) || time.Now().After(end) {
			return err
		}
		if err := pace.Sleep(ctx, crawlerWait); err != nil {
			return err
		}
	}
}

// through heals what is to be healed, in the order of the keys, so that the last one says how far it is. However it ends,
// whoever goes on does not begin anew.
func (w *walk) through(ctx context.Context, r *refill, seen *seenKeys, at checkpoint) error {
	marked := time.Now()
	for keys := range slices.Chunk(seen.keys, r.pace.Portion()) {
		if err := w.portion(ctx, r, seen, keys); err != nil {
			if r.stands() && !errors.Is(context.Cause(ctx), errTakenOver) {
				_ = at.write(context.WithoutCancel(ctx), r.node, w.checkpointKey())
			}
			return err
		}
		at.after = keys[len(keys)-1].hash
		if time.Since(marked) < walkMark {
			continue
		}
		marked = time.Now()
		if err := at.write(ctx, r.node, w.checkpointKey()); err != nil {
			return err
		}
	}
	return nil
}

// portion heals some sessions, a few at a time.
func (w *walk) portion(ctx context.Context, r *refill, seen *seenKeys, keys []seenKey) error {
	if err := r.pace.Wait(ctx, len(keys)); err != nil {
		return err
	}
	var next atomic.Int64
	began := time.Now()
	errs := make([]error, walkWorkers)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for at := next.Add(1); at <= int64(len(keys)) && errs[i] == nil; at = next.Add(1) {
				errs[i] = w.heal(ctx, r, seen, keys[at-1])
			}
		})
	}
	all.Wait()
	r.pace.Took(time.Since(began), len(keys))
	if n := seen.failed(); n != nil {
		errs = append(errs, fmt.Errorf("node %s has failed meanwhile", n.ID()))
	}
	return errors.Join(errs...)
}

// heal looks at one session. What is wrong with it alone does not stop the walk: its next request meets it as well.
func (w *walk) heal(ctx context.Context, r *refill, seen *seenKeys, k seenKey) error {
	key := seen.key(k)
	healed, err := w.store.HealKey(w.store.Random.As(ctx, "refill of", r.node.ID(), key), key, seen.node(k).ID())
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, replica.ErrUnavailable):
		return err
	case err != nil:
		r.progress(1, 0, 1)
	case healed:
		r.progress(1, 1, 0)
	default:
		r.progress(1, 0, 0)
	}
	return nil
}
