package cluster

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
)

// Available reports whether there is a node that can be used.
func (c *Cluster) Available() bool {
	for _, m := range c.Members() {
		if m.Node.Available() {
			return true
		}
	}
	return false
}

// AwaitNode waits for a node if none is available, for at most that long (rule C21). It does so only if a node was
// available until a moment ago, or may be in a moment, as at the start: that all nodes fail at once is hardly ever true.
func (c *Cluster) AwaitNode(ctx context.Context, most time.Duration) {
	Await(ctx, most, func() bool { return c.Available() || !c.hopes() })
}

// Await waits until so, which a probe may change, returns true, for at most that long. It returns false if ctx has ended
// before.
func Await(ctx context.Context, most time.Duration, so func() bool) bool {
	for end := time.Now().Add(most); !so() && time.Now().Before(end); {
		if pace.Sleep(ctx, awaitEvery) != nil {
			return false
		}
	}
	return true
}

// hopes reports whether one of the nodes has not been down for long.
func (c *Cluster) hopes() bool {
	for _, m := range c.Members() {
		if m.Node.DownFor() < hope {
			return true
		}
	}
	return false
}
