package repair

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
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	scanWorkers = 4                      // sessions looked at at the same time, each with one operation on one node
	scanTurn    = time.Second            // how often an instance looks whether another one's scan has ended
	scanMark    = time.Second            // how often a scan stores a checkpoint
	crawlerWait = 100 * time.Millisecond // between tries while memcached's own crawler is at work, which takes moments
	crawlerTime = 10 * time.Second       // how long to try that
	scanLock    = 5 * time.Second        // life of the lock: after a crash another instance begins within it
)

// errTakenOver says that the lock was lost, so that another instance may have it.
var errTakenOver = errors.New("another instance has taken over the refill")

// scan fills nodes again: one instance looks at every session that any node has a key of, and repairs those that lack a
// copy. It works through the keys in their order and stores checkpoints, so that a successor resumes there. It is safe for
// concurrent use.
type scan struct {
	store *replica.Store
	log   *journal.Journal
	told  sync.Map // ids of nodes that the log has as not listing their keys
}

func newScan(store *replica.Store, log *journal.Journal) *scan { return &scan{store: store, log: log} }

func (s *scan) lockKey() string       { return s.store.KeyPrefix + "refill" }
func (s *scan) checkpointKey() string { return s.store.KeyPrefix + "refilled" }

// fill returns when the node is refilled, by this instance or another one, or on an error (rule H13).
func (s *scan) fill(ctx context.Context, r *refill) error {
	for {
		at, _, err := readCheckpoint(ctx, r.node, s.checkpointKey(), r.generation)
		if err != nil {
			return err
		}
		if at.final(s.store.Cluster) {
			r.ended(at)
			return nil
		}
		taken := lock.NewLock(r.node, s.lockKey(), scanLock, s.store.Random)
		ours, err := taken.Take(ctx)
		if err != nil {
			return err
		}
		if ours {
			return s.fillAlone(ctx, r, taken)
		}
		if err := pace.Sleep(ctx, scanTurn); err != nil {
			return err
		}
	}
}

// fillAlone refills the node with the lock held, which is extended meanwhile.
func (s *scan) fillAlone(ctx context.Context, r *refill, taken *lock.Lock) error {
	ctx, lose := context.WithCancelCause(ctx)
	held := lock.Keep(taken, scanLock, func() { lose(errTakenOver) })
	defer held.Release(context.WithoutCancel(ctx))
	defer lose(nil)
	at, _, err := readCheckpoint(ctx, r.node, s.checkpointKey(), r.generation) // another instance may have got further
	if err != nil {
		return err
	}
	switch {
	case at.final(s.store.Cluster):
		r.ended(at)
		return nil
	case at.ended != "":
		at = checkpoint{generation: r.generation} // from the beginning: a node that is back may have any session
	}
	end, seen, err := s.list(ctx, at)
	if err != nil {
		return endOf(ctx, err)
	}
	seen.skip(at.cursor)
	r.running(len(seen.keys))
	began := time.Now()
	if len(seen.keys) > 0 {
		s.log.State(ctx, slog.LevelInfo, "refill of "+r.node.ID(), "the refill of a node has begun", "node", r.node.ID(), "sessions", len(seen.keys))
	}
	if err := s.healAll(ctx, r, seen, at); err != nil {
		return endOf(ctx, err)
	}
	if err := end.write(ctx, r.node, s.checkpointKey()); err != nil {
		return endOf(ctx, err)
	}
	r.ended(end)
	if p := r.now(); p.Total > 0 {
		s.log.State(ctx, slog.LevelInfo, "refill of "+r.node.ID(), "the refill of a node has ended",
			"node", r.node.ID(), "sessions", p.Done, "healed", p.Healed, "failed", p.Failed, "took", time.Since(began))
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
// for the end of the scan: it says which nodes were away, and whether a server did not list its keys.
func (s *scan) list(ctx context.Context, at checkpoint) (end checkpoint, seen *keySet, err error) {
	seen = newKeySet(s.store.KeyPrefix)
	end = checkpoint{generation: at.generation, ended: Done}
	for _, m := range s.store.Cluster.Members() {
		if !m.Node.Available() {
			end.without = append(end.without, m.Node.ID())
			continue
		}
		err := keysOf(ctx, m.Node, seen.prefix, seen.collector(m.Node))
		switch {
		case errors.Is(err, memcache.ErrNoList):
			end.ended = Unlisted
			s.tellUnlisted(m.Node, err)
		case err != nil:
			return checkpoint{}, nil, err
		}
	}
	seen.sort()
	return end, seen, nil
}

// tellUnlisted logs that a node does not list its keys, once for each.
func (s *scan) tellUnlisted(n *node.Node, err error) {
	if _, told := s.told.LoadOrStore(n.ID(), true); !told {
		s.log.Warn("a node does not list its keys: sessions with their only copy there get a second one at their next request, not by a refill",
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

// healAll repairs the sessions that need it, in the order of their keys, and stores checkpoints, also when it is broken
// off: a successor resumes at the last one.
func (s *scan) healAll(ctx context.Context, r *refill, seen *keySet, at checkpoint) error {
	marked := time.Now()
	for keys := range slices.Chunk(seen.keys, r.pace.Portion()) {
		if err := s.batch(ctx, r, seen, keys); err != nil {
			if r.isCurrent() && !errors.Is(context.Cause(ctx), errTakenOver) {
				_ = at.write(context.WithoutCancel(ctx), r.node, s.checkpointKey())
			}
			return err
		}
		at.cursor = keys[len(keys)-1].hash
		if time.Since(marked) < scanMark {
			continue
		}
		marked = time.Now()
		if err := at.write(ctx, r.node, s.checkpointKey()); err != nil {
			return err
		}
	}
	return nil
}

// batch repairs a batch of sessions, some at the same time.
func (s *scan) batch(ctx context.Context, r *refill, seen *keySet, keys []seenKey) error {
	if err := r.pace.Wait(ctx, len(keys)); err != nil {
		return err
	}
	var next atomic.Int64
	began := time.Now()
	errs := make([]error, scanWorkers)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for at := next.Add(1); at <= int64(len(keys)) && errs[i] == nil; at = next.Add(1) {
				errs[i] = s.heal(ctx, r, seen, keys[at-1])
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

// heal looks at one session. An error that is about this session alone does not stop the scan; the session's next
// request meets it as well.
func (s *scan) heal(ctx context.Context, r *refill, seen *keySet, k seenKey) error {
	key := seen.key(k)
	healed, err := s.store.HealKey(s.store.Random.As(ctx, "refill of", r.node.ID(), key), key, seen.node(k).ID())
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, replica.ErrUnavailable):
		return err
	case err != nil:
		r.count(1, 0, 1)
	case healed:
		r.count(1, 1, 0)
	default:
		r.count(1, 0, 0)
	}
	return nil
}
