package lock_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/sid"
)

const token = "t"

// off is the fault of a server that nobody reaches.
var off = nodetest.Refuse(nodetest.ErrOff)

// world is servers n1, n2, …, and one instance that locks sessions there. Time is fake.
type world struct {
	lock.Nodes
	t       *testing.T
	servers map[string]*nodetest.Server
	nodes   map[string]*node.Node
}

func newWorld(t *testing.T, servers int) *world {
	w := &world{t: t, servers: map[string]*nodetest.Server{}, nodes: map[string]*node.Node{}}
	var members []cluster.Member
	for _, s := range nodetest.Several(servers) {
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch"})
		w.servers[s.ID()], w.nodes[s.ID()] = s, n
		members = append(members, cluster.Member{Node: n})
	}
	w.Nodes = lock.Nodes{Cluster: cluster.New(members), KeyPrefix: "msm:"}
	w.probe()
	return w
}

func (w *world) probe() {
	for _, n := range w.nodes {
		_ = n.Probe(context.Background())
	}
}

// restart restarts a server empty.
func (w *world) restart(id string) {
	w.servers[id].Restart(nil)
	_ = w.nodes[id].Probe(context.Background())
}

// first returns the node that the session's key ranks first.
func (w *world) first() string {
	return w.Cluster.Ranking(sid.Key("msm:", sid.Record, token))[0].ID()
}
