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

// TestWhoStoodStillStoresNothingElsewhere: G1. Without backups an instance holds a session in memory, and runs out of time on the session's
// node: it may be the one that did not run, while another one served the session. What it holds goes to another node only if the session's
// node refuses it, a probe has failed, too, or the node was found well and has run out of time again.
func TestWhoStoodStillStoresNothingElsewhere(t *testing.T) {
	reads, writes := nodetest.Reads("msm:s:"), nodetest.Writes("msm:s:")
	about := func(op nodetest.Op) bool { return reads(op) || writes(op) }
	for name, c := range map[string]struct {
		fault  nodetest.Fault
		probed bool // before
		waits  bool // for a probe
		want   error
	}{
		"it runs out of time on the node":           {nodetest.Refuse(nodetest.ErrLost), false, false, replica.ErrUnavailable},
		"the node runs out of time, as probed":      {nodetest.Refuse(nodetest.ErrLost), true, false, nil},
		"the node answers probes, and nothing else": {nodetest.Only(about, nodetest.Refuse(nodetest.ErrLost)), false, true, nil},
		"the node refuses connections":              {off, false, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, 0)
			home, _ := w.create()
			held := w.stored(home)
			w.servers[home].Fail(c.fault)
			if c.probed {
				w.probe()
			}
			if c.waits {
				w.store.Patience = time.Second
				go func() {
					for n := w.nodes[home]; n.Probes() < 3; {
						if n.Suspect() {
							_ = n.Probe(context.Background())
						}
						time.Sleep(time.Millisecond)
					}
				}()
			}
			a := w.store.Open(token, home)
			a.Hold(held)
			if _, err := a.Write(t.Context(), set("2")); !errors.Is(err, c.want) {
				t.Errorf("%v; want %v", err, c.want)
			}
			for id := range w.servers {
				if id != home && (w.stored(id) == nil) != (c.want != nil) {
					t.Errorf("%s has %+v", id, w.stored(id))
				}
			}
		})
	}
}
