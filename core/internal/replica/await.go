package replica

import (
	"context"
	"time"

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
