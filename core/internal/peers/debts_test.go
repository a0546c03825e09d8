package peers

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestADebtThatNobodyOwes: the epoch of a node is replaced only if an instance that owed it something has ended, and not because this
// one has read an old message, or has read nothing for a while.
func TestADebtThatNobodyOwes(t *testing.T) {
	for name, c := range map[string]struct {
		runs     time.Duration // for how long this instance has read messages
		age      time.Duration // of the message when it is heard
		reads    bool          // this instance goes on reading messages
		replaced bool
	}{
		"its debtor has said no more":                               {runs: time.Hour, reads: true, replaced: true},
		"the message comes from a node that was away":               {runs: time.Hour, age: 90 * time.Second, reads: true},
		"the debtor had ended long before this instance began":      {age: 90 * time.Second, reads: true, replaced: true},
		"this instance has stood still, and read nothing meanwhile": {runs: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := nodetest.Several(1)[0]
				n := server.Node(server.Client(""), node.Options{EpochKey: "epoch"})
				if err := n.Probe(t.Context()); err != nil {
					t.Fatal(err)
				}
				d := newDebts(replica.New(replica.Config{Cluster: cluster.New([]cluster.Member{{Node: n}}), KeyPrefix: "msm:"}))
				debt := mailbox.Debt{Debtor: 7, Node: mailbox.NodeHashOf(n.ID()), Epoch: n.Epoch()}
				d.caughtUp(time.Now())
				time.Sleep(c.runs)
				d.hear(debt.Message(mailbox.Owes, time.Now().Add(-c.age)))
				d.caughtUp(time.Now())
				for range 100 {
					time.Sleep(time.Second)
					if c.reads {
						d.caughtUp(time.Now())
					}
					d.collect()
				}
				if n.Available() == c.replaced {
					t.Errorf("the epoch is to be replaced: %v; want %v", !n.Available(), c.replaced)
				}
			})
		})
	}
}
