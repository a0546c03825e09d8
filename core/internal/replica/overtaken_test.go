package replica_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAReadThatADeliveryOvertakes: G1, rule C1. A node hangs for a moment, and then still has an old copy. A request
// reads it, and is slow: when it looks at what it has read, the node has been brought what it had missed, and is owed
// nothing any more. What was read is old all the same.
func TestAReadThatADeliveryOvertakes(t *testing.T) {
	for name, nodes := range map[string]int{"of three nodes": 3, "of two nodes": 2} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nodes, 1)
			home, _ := w.create()
			w.servers[home].Fail(nodetest.Refuse(nodetest.ErrLost)) // for so short that no probe has met it
			if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
				t.Fatal(err)
			}
			var overtaken atomic.Bool
			w.servers[home].Fail(nodetest.Only(nodetest.Reads("msm:s:"), func(_ context.Context, _ nodetest.Op, do func() error) error {
				err := do()
				if overtaken.CompareAndSwap(false, true) {
					w.deliver(home)
				}
				return err
			}))
			w.wantLoaded(home, "2")
		})
	}
}

// TestAReadThatOutlastsADoubt: rule C2. As above; another instance owes the node what it has missed. This one was without the node, too,
// and compares what the node has with the others' copies, for a while. The read takes longer.
func TestAReadThatOutlastsADoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1)
		home, _ := w.create()
		other := w.another([]string{"n1", "n2", "n3"})
		w.without(home, func() {
			if _, err := other.Open(token, home).Write(t.Context(), set("2")); err != nil {
				t.Fatal(err)
			}
			w.probe()
		})
		w.servers[home].Fail(nodetest.Only(nodetest.Reads("msm:s:"), func(_ context.Context, _ nodetest.Op, do func() error) error {
			err := do()
			time.Sleep(time.Minute)
			return err
		}))
		w.wantLoaded(home, "2")
	})
}
