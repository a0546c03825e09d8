package replica_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestRequestsOfAnInstanceThatStoodStill: G1. While the instance stood still, two requests ran out of time, each on
// another node. If each went on without its node, both would be acknowledged, and one of them would be lost.
func TestRequestsOfAnInstanceThatStoodStill(t *testing.T) {
	for name, c := range map[string]struct {
		elsewhere bool          // another request ran out of time, too, on the home
		patience  time.Duration // how long requests wait for probes
		probed    bool          // the nodes have been probed since
		want      error
		copies    int
	}{
		"one node ran out of time: it may be that node":            {copies: 1},
		"both did, and nobody has looked since":                    {elsewhere: true, want: replica.ErrUnavailable, copies: 2},
		"both did, and were looked at: the node is asked again":    {elsewhere: true, patience: time.Second, probed: true, copies: 2},
		"both did, and the looks come soon":                        {elsewhere: true, patience: time.Second, copies: 2},
		"one node did, and was looked at: the node is asked again": {patience: time.Second, probed: true, copies: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				w := newWorld(t, 2, 1)
				home, backups := w.create()
				w.store.Patience = c.patience
				if c.elsewhere {
					w.servers[home].Fail(nodetest.Mute(1))
					_, _ = w.nodes[home].Get(ctx, "another session")
				}
				w.servers[backups[0]].Fail(nodetest.Mute(1))
				a := w.store.Open(token, home)
				if _, err := a.Load(ctx); err != nil {
					t.Fatal(err)
				}
				switch {
				case c.probed: // before the request asks the home what to go on from
					w.servers[home].Fail(nodetest.Once(nodetest.Of(nodetest.Get), w.probe))
				case c.patience > 0:
					go func() { time.Sleep(c.patience / 2); w.probe() }()
				}
				stored, err := a.Write(ctx, set("2"))
				if !errors.Is(err, c.want) {
					t.Fatalf("%v, want %v", err, c.want)
				}
				if rec := w.stored(home); len(rec.Copies) != c.copies || err == nil && stored.Version != rec.Version {
					t.Errorf("%d copies, want %d; stored %v, there is %v", len(rec.Copies), c.copies, stored, rec.Rank())
				}
			})
		})
	}
}
