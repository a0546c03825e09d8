package cluster_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAListThatComesTooLate: G9. A program that is shutting down reads its configuration again, when the nodes are
// closed. The new list leaves nothing behind.
func TestAListThatComesTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newNodeList(t)
		l.Close()
		l.list(cluster.Spec{ID: "n1", Address: "a"}, cluster.Spec{ID: "n3", Address: "c"})
		if _, there := l.nodes.Node("n3"); there {
			t.Error("the list is used") // and its prober would run on, which ends the test
		}
	})
}

// nodeList are nodes on the servers a, b and c, of which the list has n1 on a and n2 on b.
type nodeList struct {
	*cluster.Membership
	t       *testing.T
	nodes   *cluster.Cluster
	servers map[string]*nodetest.Server // by address
}

func newNodeList(t *testing.T) *nodeList {
	l := &nodeList{t: t, nodes: cluster.New(nil), servers: map[string]*nodetest.Server{}}
	l.Membership = cluster.NewMembership(l.nodes, cluster.MembershipConfig{
		Connect: func(s cluster.Spec) cluster.Clients {
			return cluster.Clients{Operations: l.servers[s.Address].Client("")}
		},
		KeyPrefix: "msm:", Log: journal.Silent(),
	})
	for _, address := range []string{"a", "b", "c"} {
		l.servers[address] = nodetest.New(address)
	}
	l.list(cluster.Spec{ID: "n1", Address: "a"}, cluster.Spec{ID: "n2", Address: "b"})
	return l
}

// list replaces the list.
func (l *nodeList) list(specs ...cluster.Spec) {
	l.t.Helper()
	if faults := l.Use(specs); len(faults) > 0 {
		l.t.Fatal(faults)
	}
}

// TestANewListKeepsItsNodes checks that a node with the same id and address in a new list is the same node, with its
// epoch and its prober, and that one with another address is another node.
func TestANewListKeepsItsNodes(t *testing.T) {
	t.Parallel()
	n1, n2 := cluster.Spec{ID: "n1", Address: "a"}, cluster.Spec{ID: "n2", Address: "b"}
	for name, c := range map[string]struct {
		next []cluster.Spec
		same bool // n1 is the same node
	}{
		"the same list":                 {[]cluster.Spec{n1, n2}, true},
		"the same nodes, the other way": {[]cluster.Spec{n2, n1}, true},
		"one more node":                 {[]cluster.Spec{n1, n2, {ID: "n3", Address: "c"}}, true},
		"one node less":                 {[]cluster.Spec{n1}, true},
		"it becomes a failover node":    {[]cluster.Spec{n2, {ID: "n1", Address: "a", Failover: true}}, true},
		"it gets another address":       {[]cluster.Spec{n2, {ID: "n1", Address: "c"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newNodeList(t)
				defer l.Close()
				time.Sleep(time.Minute)
				before, _ := l.nodes.Node("n1")
				epoch, stored := before.Epoch(), string(l.servers["a"].Value("msm:epoch"))
				l.list(c.next...)
				now, _ := l.nodes.Node("n1")
				if same := now == before; same != c.same {
					t.Fatalf("it is the same node: %v, want %v", same, c.same)
				}
				looks := before.Probes()
				time.Sleep(time.Minute)
				if probed := before.Probes() > looks; probed != c.same || !now.Available() {
					t.Errorf("the node from before is probed: %v; n1 is available: %v", probed, now.Available())
				}
				if is := string(l.servers["a"].Value("msm:epoch")); is != stored || (now.Epoch() == epoch) != c.same {
					t.Errorf("a had the epoch %q and has %q; n1 had %x and has %x", stored, is, epoch, now.Epoch())
				}
			})
		})
	}
}

// TestANewListIsLookedAtFirst checks that a new list is used once the first probe of each new node has ended, and not
// before.
func TestANewListIsLookedAtFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault     nodetest.Fault // of the new node's server
		available bool
	}{
		"it answers":        {nil, true},
		"it answers slowly": {nodetest.Slow(50 * time.Millisecond), true},
		"it does not answer": {func(context.Context, nodetest.Op, func() error) error {
			time.Sleep(50 * time.Millisecond)
			return nodetest.ErrLost
		}, false},
		"it is off": {nodetest.Refuse(nodetest.ErrOff), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newNodeList(t)
				defer l.Close()
				time.Sleep(time.Minute)
				l.servers["c"].Fail(c.fault)
				l.list(cluster.Spec{ID: "n1", Address: "a"}, cluster.Spec{ID: "n2", Address: "b"}, cluster.Spec{ID: "n3", Address: "c"})
				n3, _ := l.nodes.Node("n3")
				if n3.Probes() != 1 || n3.Available() != c.available {
					t.Errorf("after %d probes it is available: %v; want 1 probe, %v", n3.Probes(), n3.Available(), c.available)
				}
			})
		})
	}
}
