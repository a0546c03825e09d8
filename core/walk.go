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
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	walkWorkers = 4                      // sessions looked at at the same time, each with one operation on one node
	walkTurn    = time.Second            // how often an instance looks whether another one's walk has ended
	walkMark    = time.Second            // how often a walk stores a checkpoint
	crawlerWait = 100 * time.Millisecond // between tries while memcached's own crawler is at work, which takes moments
	crawlerTime = 10 * time.Second       // how long to try that
	refillLock  = 5 * time.Second        // life of the lock: after a crash another instance begins within it
)

// errTakenOver says that the lock was lost, so that another instance may have it.
var errTakenOver = errors.New("another instance has taken over the refill")

// walk is a filler by a scan over keys: one instance looks at every session that any node has a key of, and repairs
// those that lack a copy. It works through the keys in their order and stores checkpoints, so that a successor resumes
// there. It is safe for concurrent use.
type walk struct {
	store *replica.Store
	log   *journal.Journal
	told  sync.Map // ids of nodes that the log has as not listing their keys
}

func newWalk(store *replica.Store, log *journal.Journal) *walk { return &walk{store: store, log: log} }

func (w *walk) lockKey() string       { return w.store.KeyPrefix + "refill" }
func (w *walk) checkpointKey() string { return w.store.KeyPrefix + "refilled" }

// fill returns when the node is refilled, by this instance or another one, or on an error (rule H13).
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

// fillAlone refills the node with the lock held, which is extended meanwhile.
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
		at = checkpoint{occasion: r.occasion} // from the beginning: a node that is back may have any session
	}
	end, seen, err := w.list(ctx, at)
	if err != nil {
		return endOf(ctx, err)
	}
	seen.skip(at.after)
	r.running(len(seen.keys))
	began := time.Now()
	if len(seen.keys) > 0 {
		w.log.State(ctx, slog.LevelInfo, "refill of "+r.node.ID(), "the refill of a node has begun", "node", r.node.ID(), "sessions", len(seen.keys))
	}
	if err := w.through(ctx, r, seen, at); err != nil {
		return endOf(ctx, err)
	}
	if err := end.write(ctx, r.node, w.checkpointKey()); err != nil {
		return endOf(ctx, err)
	}
	r.ended(end)
	if s := r.stats(); s.Total > 0 {
		w.log.State(ctx, slog.LevelInfo, "refill of "+r.node.ID(), "the refill of a node has ended",
			"node", r.node.ID(), "sessions", s.Done, "healed", s.Healed, "failed", s.Failed, "took", time.Since(began))
	}
	return nil
}

// endOf returns why ctx has ended, if it has, and else err.
func endOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// list asks every available node for the keys of its sessions (rule H14). The refilled node is one of them: from an
// earlier epoch it may be the only one that has a session whose other copy was lost meanwhile. end is the checkpoint
// for the end of the walk: it says which nodes were away, and whether a server did not list its keys.
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
		case errors.Is(err, memcache.ErrNoList):
			end.ended = RefillUnlisted
			w.tellUnlisted(m.Node, err)
		case err != nil:
			return checkpoint{}, nil, err
		}
	}
	seen.sort()
	return end, seen, nil
}

// tellUnlisted logs that a node does not list its keys, once for each.
func (w *walk) tellUnlisted(n *node.Node, err error) {
	if _, told := w.told.LoadOrStore(n.ID(), true); !told {
		w.log.Warn("a node does not list its keys: sessions with their only copy there get a second one at their next request, not by a refill",
			"node", n.ID(), "error", err)
	}
}

// keysOf lists the keys of a node. It waits while the node's crawler is at work, but not for ever.
func keysOf(ctx context.Context, n *node.Node, prefix string, found func(key string)) error {
	for end := time.Now().Add(crawlerTime); ; {
		err := n.Keys(ctx, prefix, found)
		if !errors.Is(err, memcache.ErrCrawling) || time.Now().After(end) {
			return err
		}
		if err := pace.Sleep(ctx, crawlerWait); err != nil {
			return err
		}
	}
}

// through repairs the sessions that need it, in the order of their keys, and stores checkpoints, also when it is broken
// off: a successor resumes at the last one.
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

// portion repairs a batch of sessions, some at the same time.
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
		errs = append(errs, fmt.Errorf("node %s failed during the refill", n.ID()))
	}
	return errors.Join(errs...)
}

// heal looks at one session. An error that is about this session alone does not stop the walk; the session's next
// request meets it as well.
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
