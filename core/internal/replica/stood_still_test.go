package replica_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

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
			a.Keep(held)
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
