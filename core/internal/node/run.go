package node

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// probeSoon is the time within which a node that has failed is probed. It is not shorter, because other operations meet
// the same failure at the same moment, and each of them would call for another probe.
const probeSoon = time.Millisecond

// Run probes the node until ctx ends: regularly; within a millisecond when the node becomes unavailable or an operation
// times out; and less and less often while the node stays unavailable. No request waits for it (rule N9).
func (n *Node) Run(ctx context.Context) {
	wait := probeEvery
	for next := n.jitter(wait); ; {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
			wait, next = probeEvery/4, 1+n.options.Random.Wait(probeSoon)
			continue
		case <-time.After(next):
		}
		wait = n.round(ctx, wait)
		next = n.jitter(wait)
	}
}

// round probes, up to three times if another try may help at once, and returns how long to wait for the next round.
func (n *Node) round(ctx context.Context, wait time.Duration) time.Duration {
	for range 3 {
		err := n.Probe(ctx)
		if err == nil {
			return probeEvery
		}
		if !errors.Is(err, errFailed) && !errors.Is(err, memcache.ErrConflict) && !errors.Is(err, memcache.ErrExists) {
			break
		}
	}
	return min(2*wait, probeMax)
}

// jitter returns d, changed at random by up to a fifth, so that instances do not probe in step.
func (n *Node) jitter(d time.Duration) time.Duration { return d*4/5 + n.options.Random.Wait(d*2/5+1) }
