package msm

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// off is the fault of a server, or of a way to it, that cannot be reached.
var off = nodetest.Refuse(nodetest.ErrOff)

// world is servers n1, n2, …, and the managers that use them. It is for fake time.
type world struct {
	t       *testing.T
	servers []*nodetest.Server
	begun   int // instances so far
}

func newWorld(t *testing.T, servers int) *world {
	return &world{t: t, servers: nodetest.Several(servers)}
}

// instance is what a test has to know of a manager's nodes.
type instance struct {
	ways  []*nodetest.Client // one to each server
	nodes []*node.Node
	store *replica.Store
}

// manager makes an instance on the world's servers. What config leaves open is one backup, also in sticky mode, and no
// refill.
func (w *world) manager(config Config) (*Manager, *instance) {
	w.t.Helper()
	w.begun++
	in, name := &instance{}, fmt.Sprint("instance ", w.begun)
	config.Logger = slog.New(slog.DiscardHandler)
	config.Backups, config.RefillRate = cmp.Or(config.Backups, 1), cmp.Or(config.RefillRate, NoRefill)
	config.Nodes = ""
	servers := map[string]*nodetest.Server{}
	for _, s := range w.servers {
		config.Nodes += fmt.Sprintf("%s:%s:11211 ", s.ID(), s.ID())
		servers[s.ID()] = s
	}
	m, err := open(config, func(spec cluster.Spec) cluster.Clients {
		way := servers[spec.ID].Client(name)
		in.ways = append(in.ways, way)
		return cluster.Clients{Operations: way}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	in.store, in.nodes = m.store, m.store.Cluster.Nodes()
	w.t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m, in
}

// cut cuts the instance off from all servers.
func (in *instance) cut() {
	for _, way := range in.ways {
		way.Fail(off)
	}
}
