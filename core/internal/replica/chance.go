package replica

import (
	"context"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
)

// probeMargin is how much longer a probe may take than Config.Patience, from the failure that it follows on.
const probeMargin = 10 * time.Millisecond

// secondChance gives a request another try that would end because nodes ran out of time, in it or in one that it has
// waited for (rule C21). It waits until each of these has been probed since, for at most Config.Patience and once in a
// second of an access. It reports whether one of them may be asked again: a timeout is not always the node's fault.
func (a *Access) secondChance(ctx context.Context) bool {
	earlier := a.before.Recent()
	if !a.chanceAt.IsZero() || !a.metTimeout(earlier) && !a.stalled() {
		return false
	}
	a.chanceAt = time.Now()
	if !cluster.Await(ctx, a.store.Patience+probeMargin, func() bool { return a.allProbed(earlier) && !a.stalled() }) {
		return false
	}
	a.before.Forget()
	return a.forgive(earlier)
}

// hasty reports whether a request should not yet go on without a node that ran out of time in it, because there is more
// to know: a probe has found the node available since, or probes will soon tell about more nodes than may fail.
func (a *Access) hasty() bool {
	return a.stalled() || a.store.Backups > 0 && slices.ContainsFunc(a.timeouts(nil), node.Waited.Refound)
}

// stalled reports whether this instance itself seems to have stood still, which only probes can tell: see
// quorum.View.Unprobed.
func (a *Access) stalled() bool { return a.store.Suspects() && a.view(nil).Unprobed() }
