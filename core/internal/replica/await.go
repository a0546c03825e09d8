package replica

import (
	"context"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
)

const (
	// hope is for how long nodes may be down before nobody waits for them any more: several probes.
	hope = 2 * time.Second
	// awaitEvery is how often who waits looks whether one is back.
	awaitEvery = 5 * time.Millisecond
)

// awaitNode waits for a node if none is available, and one was a moment ago, or may be in a moment, as at the beginning: for at
// most Config.Patience. That all nodes fail at once is hardly ever true.
func (s *Store) awaitNode(ctx context.Context) {
	s.await(ctx, func() bool { return s.Available() || !s.hopes() })
}

// await waits until something is so, for at most Config.Patience. It is false if ctx has ended before.
func (s *Store) await(ctx context.Context, so func() bool) bool {
	for end := time.Now().Add(s.Patience); !so() && time.Now().Before(end); {
		if pace.Sleep(ctx, awaitEvery) != nil {
			return false
		}
	}
	return true
}

// hopes: one of the nodes has not been down for long.
func (s *Store) hopes() bool {
	for _, m := range s.Cluster.Members() {
		if m.Node.DownFor() < hope {
			return true
		}
	}
	return false
}

// fail takes note of a node that has failed in this request, and is not asked again.
func (a *Access) fail(id string, why error) {
	var looks uint64
	if n, known := a.store.Cluster.Node(id); known {
		looks = n.Looks()
		if node.OutOfTime(why) {
			a.before.add(n)
		}
	}
	a.failed = append(a.failed, failure{id, why, looks})
}

// secondChance waits, where a request would end because of nodes that failed in it, until these have been looked at since, for at
// most Config.Patience and once in a request. It reports whether one of them may be asked again: not all that runs out of
// time is the node's fault.
func (a *Access) secondChance(ctx context.Context) bool {
	if a.tookChance || !slices.ContainsFunc(a.failed, ranOut) && !a.stalled() {
		return false
	}
	a.tookChance = true
	if !a.store.await(ctx, func() bool { return a.allLookedAt() && !a.stalled() }) {
		return false
	}
	a.before.forget()
	before := len(a.failed)
	a.failed = slices.DeleteFunc(a.failed, a.refound)
	return len(a.failed) < before
}

// hasty: the request is about to go on without a node that ran out of time in it, and there is more to know: a probe has found the
// node since, or soon will tell about more nodes than may fail.
func (a *Access) hasty() bool {
	return a.stalled() || a.store.Backups > 0 && slices.ContainsFunc(a.failed, func(f failure) bool { return ranOut(f) && a.refound(f) })
}

// refound: a node that failed was looked at since, and can be used.
func (a *Access) refound(f failure) bool {
	n, known := a.store.Cluster.Node(f.node)
	return known && n.Available() && n.Looks() > f.looks
}

// stalled: the request goes on without a node that ran out of time in it, and on more nodes than may fail an operation has, of
// any request, with no probe since. Most likely this instance did not run for a while. Then each of its requests does without
// other nodes, and what one of them is told to be stored another one may believe to be lost.
func (a *Access) stalled() bool {
	if a.store.Backups == 0 || a.store.suspects() < 2 {
		return false
	}
	return slices.ContainsFunc(a.store.Cluster.Members(), func(m cluster.Member) bool { return !a.usable(m.Node) && a.ranOutOfTime(m.Node) })
}

// Suspects reports whether an operation has run out of time on a node, and no probe has told since what is wrong.
func (s *Store) Suspects() bool { return s.suspects() > 0 }

func (s *Store) suspects() (n int) {
	for _, m := range s.Cluster.Members() {
		if m.Node.Suspect() {
			n++
		}
	}
	return n
}

// ranOut: an operation ran out of time on a node that was available.
func ranOut(f failure) bool { return node.OutOfTime(f.why) }

func (a *Access) allLookedAt() bool {
	for _, f := range a.failed {
		if !ranOut(f) {
			continue
		}
		if n, known := a.store.Cluster.Node(f.node); known && n.Looks() == f.looks {
			return false
		}
	}
	return true
}
