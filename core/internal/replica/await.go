package replica

import (
	"context"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/pace"
)

const (
	// hope is how long a node may be down and still be waited for: several probes.
	hope = 2 * time.Second
	// awaitEvery is the time between two looks of a waiting request at the nodes.
	awaitEvery = 5 * time.Millisecond
	// probeMargin is how much longer a probe may take than Config.Patience, from the failure that it follows on.
	probeMargin = 10 * time.Millisecond
)

// awaitNode waits for a node if none is available, for at most Config.Patience (rule C21). It does so only if a node
// was available until a moment ago, or may be in a moment, as at the start: that all nodes fail at once is hardly ever
// true.
func (s *Store) awaitNode(ctx context.Context) {
	s.await(ctx, s.Patience, func() bool { return s.Available() || !s.hopes() })
}

// await waits until so returns true, for at most that long. It returns false if ctx has ended before.
func (s *Store) await(ctx context.Context, most time.Duration, so func() bool) bool {
	for end := time.Now().Add(most); !so() && time.Now().Before(end); {
		if pace.Sleep(ctx, awaitEvery) != nil {
			return false
		}
	}
	return true
}

// hopes reports whether one of the nodes has not been down for long.
func (s *Store) hopes() bool {
	for _, m := range s.Cluster.Members() {
		if m.Node.DownFor() < hope {
			return true
		}
	}
	return false
}

// fail records that a node has failed in this access, so that it is not asked again.
func (a *Access) fail(id string, why error) {
	var looks uint64
	if n, known := a.store.Cluster.Node(id); known {
		looks = n.Probes()
		if w, met := a.before.of(n); met {
			looks = w.looks
		} else if node.OutOfTime(why) {
			a.before.add(n)
		}
	}
	a.failed = append(a.failed, failure{id, why, looks})
}

// secondChance gives a request another try that would end because nodes ran out of time, in it or in one that it has
// waited for (rule C21). It waits until each of these has been probed since, for at most Config.Patience and once in an
// access. It reports whether one of them may be asked again: a timeout is not always the node's fault.
func (a *Access) secondChance(ctx context.Context) bool {
	earlier := a.before.recent()
	if a.tookChance || len(earlier) == 0 && !slices.ContainsFunc(a.failed, ranOut) && !a.stalled() {
		return false
	}
	a.tookChance = true
	if !a.store.await(ctx, a.store.Patience+probeMargin, func() bool { return a.allLookedAt(earlier) && !a.stalled() }) {
		return false
	}
	a.before.forget()
	failed := len(a.failed)
	a.failed = slices.DeleteFunc(a.failed, a.refound)
	a.askedAgain = len(a.failed) < failed || slices.ContainsFunc(earlier, waited.refound)
	return a.askedAgain
}

// hasty reports whether a request should not yet go on without a node that ran out of time in it, because there is more
// to know: a probe has found the node available since, or probes will soon tell about more nodes than may fail.
func (a *Access) hasty() bool {
	return a.stalled() || a.store.Backups > 0 && slices.ContainsFunc(a.failed, func(f failure) bool { return ranOut(f) && a.refound(f) })
}

// refound reports whether a node that failed has been probed since, and can be used.
func (a *Access) refound(f failure) bool {
	n, known := a.store.Cluster.Node(f.node)
	return known && n.Available() && n.Probes() > f.looks
}

// ranOut reports whether an operation ran out of time on a node that was available.
func ranOut(f failure) bool { return node.OutOfTime(f.why) }

// allLookedAt reports whether every node that ran out of time, in this access or earlier, has been probed since.
func (a *Access) allLookedAt(earlier []waited) bool {
	for _, w := range earlier {
		if w.node.Probes() == w.looks {
			return false
		}
	}
	for _, f := range a.failed {
		if !ranOut(f) {
			continue
		}
		if n, known := a.store.Cluster.Node(f.node); known && n.Probes() == f.looks {
			return false
		}
	}
	return true
}
