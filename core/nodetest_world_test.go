package msm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
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
	return w.logging(config, slog.New(slog.DiscardHandler))
}

// logging is manager with a log.
func (w *world) logging(config Config, log *slog.Logger) (*Manager, *instance) {
	w.t.Helper()
	w.begun++
	in, name := &instance{}, fmt.Sprint("instance ", w.begun)
	config.Logger = log
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

// heard is how long it takes at most until another instance has heard of something.
const heard = 600 * time.Millisecond

// routed is world.manager with a route.
func (w *world) routed(config Config, route string) *Manager {
	config.Route = route
	m, _ := w.manager(config)
	return m
}

// overwrite changes what every node has of a session.
func (w *world) overwrite(key string, edit func(value []byte) []byte) {
	w.t.Helper()
	for _, server := range w.servers {
		m := server.Memory()
		item, err := m.Get(w.t.Context(), key)
		if errors.Is(err, memcache.ErrMiss) {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		item.Value = edit(bytes.Clone(item.Value))
		if err := m.CompareAndSwap(w.t.Context(), key, item, time.Hour); err != nil {
			w.t.Fatal(err)
		}
	}
}

// put gives a server a value.
func (w *world) put(s *nodetest.Server, key string, value []byte) {
	if err := s.Memory().Add(w.t.Context(), key, memcache.Item{Value: value}, time.Hour); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) values(key string) (all [][]byte) {
	for _, server := range w.servers {
		all = append(all, bytes.Clone(server.Value(key)))
	}
	return all
}

// checkFree fails if a server has the lock of the session.
func (w *world) checkFree(id string) {
	w.t.Helper()
	for i, s := range w.servers {
		if s.Value(lockKey(id)) != nil {
			w.t.Errorf("n%d still has the lock", i+1)
		}
	}
}

// forgetLock removes the lock from every server, as an eviction does.
func (w *world) forgetLock(id string) {
	for _, s := range w.servers {
		s.Evict(lockKey(id))
	}
}

func lockKey(id string) string { return sid.Key("msm:", sid.Lock, tokenOf(id)) }

func recordKey(id string) string { return sid.Key("msm:", sid.Record, tokenOf(id)) }

func tokenOf(id string) string {
	format, err := sid.NewFormat("SESSION", nil, time.Time{})
	if err != nil {
		panic(err)
	}
	parsed, _, _ := format.Parse(id)
	return parsed.Token
}

// tokenNode returns the index of the node that an id names.
func tokenNode(id string) int { return int(id[len(id)-1] - '1') }

// inModes runs a test in fake time in each mode of keeping sessions, on two servers.
func inModes(t *testing.T, test func(t *testing.T, w *world, mode Config)) {
	for name, mode := range map[string]Config{
		"non-sticky":    {},
		"sticky, async": {Sticky: true},
		"sticky, sync":  {Sticky: true, BackupSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, newWorld(t, 2), mode)
				time.Sleep(heard)
			})
		})
	}
}
