package replica

import (
	"context"
	"slices"

	"github.com/gomsm/msm/core/internal/node"
)

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

// stalled reports whether this instance itself seems to have stood still, which only probes can tell: see
// quorum.View.Unprobed.
func (a *Access) stalled() bool { return a.store.Suspects() && a.view(nil).Unprobed() }

// refound reports whether a node that failed has been probed since, and can be used.
func (a *Access) refound(f failure) bool {
	n, known := a.store.Cluster.Node(f.node)
	return known && n.Available() && n.Looks() > f.looks
}

// ranOut reports whether an operation ran out of time on a node that was available.
func ranOut(f failure) bool { return node.OutOfTime(f.why) }

// allLookedAt reports whether every node that ran out of time, in this access or earlier, has been probed since.
func (a *Access) allLookedAt(earlier []waited) bool {
	for _, w := range earlier {
		if w.node.Looks() == w.looks {
			return false
		}
	}
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
