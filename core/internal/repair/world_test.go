package repair

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/peers"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// off is the fault of a server, or of a way to it, that cannot be reached.
var off = nodetest.Refuse(nodetest.ErrOff)

// world is servers n1, n2, …, and the instances that use them.
type world struct {
	t       *testing.T
	rate    int
	servers []*nodetest.Server
	begun   int // instances so far
	ctx     context.Context
}

func newWorld(t *testing.T, servers, rate int) *world {
	return &world{t: t, rate: rate, servers: nodetest.Several(servers), ctx: t.Context()}
}

// instance is an app process with its own view of the nodes.
type instance struct {
	w       *world
	t       *testing.T
	name    string
	ways    []*nodetest.Client // one to each server
	listed  int                // lists that it had asked for before the test began
	nodes   []*node.Node
	store   *replica.Store
	refills *Refills
	peers   *peers.Peers
	stop    func()
}

func (w *world) instance() *instance {
	in := w.silent()
	endProbes := in.probe()
	in.refills = NewRefills(in.store, w.rate, journal.Silent())
	in.stop = sync.OnceFunc(func() {
		in.refills.Close()
		endProbes()
	})
	w.t.Cleanup(in.stop)
	in.refills.Begin()
	return in
}

// probe starts the instance's probers, until the test ends or end is called.
func (in *instance) probe() (end func()) {
	ctx, cancel := context.WithCancel(in.w.ctx)
	var probers sync.WaitGroup
	for _, n := range in.nodes {
		probers.Go(func() { n.Run(ctx) })
	}
	end = sync.OnceFunc(func() {
		cancel()
		probers.Wait()
	})
	in.t.Cleanup(end)
	return end
}

// silent makes an instance that has probed its nodes once, and does nothing by itself.
func (w *world) silent() *instance {
	w.begun++
	in := &instance{w: w, t: w.t, name: fmt.Sprint("instance ", w.begun)}
	in.store = replica.New(replica.Config{
		Cluster: cluster.New(nil), Backups: 1, KeyPrefix: "msm:", IdleTime: time.Hour, Patience: 100 * time.Millisecond,
	})
	in.peers = peers.New(in.store, journal.Silent())
	var members []cluster.Member
	for _, s := range w.servers {
		way := s.Client(in.name)
		n := s.Node(way, node.Options{EpochKey: "msm:epoch", Watch: mailbox.Keys("msm:", ""), OnProbe: in.peers.Look})
		_ = n.Probe(w.ctx)
		in.ways, in.nodes, members = append(in.ways, way), append(in.nodes, n), append(members, cluster.Member{Node: n})
	}
	in.store.Cluster.Set(members)
	in.peers.Begin(nil)
	w.t.Cleanup(in.peers.Close)
	return in
}

func token(i int) string { return fmt.Sprint("token", i) }

func (in *instance) create(sessions int) {
	in.t.Helper()
	now := time.Now()
	for i := range sessions {
		rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: time.Hour, Transcoder: "text"}
		if _, err := in.store.Open(token(i), "").Create(context.Background(), rec); err != nil {
			in.t.Fatal(err)
		}
	}
}

// refill returns the state of the refill of n1.
func (in *instance) refill() Progress {
	p, _ := in.refills.Progress(in.nodes[0])
	return p
}

// lists returns how often the instance has asked servers for their keys since the test began.
func (in *instance) lists() (n int) {
	for _, s := range in.w.servers {
		n += s.Count(func(o nodetest.Op) bool { return o.Kind == nodetest.List && o.From == in.name })
	}
	return n - in.listed
}

// cut cuts the instance off from all servers.
func (in *instance) cut() {
	for _, way := range in.ways {
		way.Fail(off)
	}
}

// has returns how many of the sessions a server has.
func has(s *nodetest.Server, sessions int) (n int) {
	for i := range sessions {
		if s.Value(sid.Key("msm:", sid.Record, token(i))) != nil {
			n++
		}
	}
	return n
}

// checkHealed checks that every session is on two nodes, and that nothing is left to repair.
func (w *world) checkHealed(in *instance, sessions int) {
	w.t.Helper()
	for i := range sessions {
		key, copies := sid.Key("msm:", sid.Record, token(i)), 0
		for at, s := range w.servers {
			if s.Value(key) == nil {
				continue
			}
			copies++
			if healed, err := in.store.HealKey(context.Background(), key, in.nodes[at].ID()); healed || err != nil {
				w.t.Fatalf("session %d on %s was left to heal: %v, %v", i, in.nodes[at].ID(), healed, err)
			}
		}
		if copies != 2 {
			w.t.Fatalf("session %d has %d copies", i, copies)
		}
	}
}

// begin makes a world with instances and sessions, and restarts n1 empty.
func begin(t *testing.T, servers, rate, sessions, instances int) (w *world, list []*instance) {
	w = newWorld(t, servers, rate)
	for range instances {
		list = append(list, w.instance())
	}
	time.Sleep(5 * time.Second)
	list[0].create(sessions)
	for _, in := range list {
		if s := in.refill(); s.State != Done || s.Total != 0 {
			t.Fatalf("before: %+v", s)
		}
		in.listed = in.lists()
	}
	w.servers[0].Restart(nil)
	return w, list
}

// refillTook waits for a refill, and returns how long it took from its first batch on.
func (in *instance) refillTook() time.Duration {
	var began time.Time
	for in.refill().State != Done || began.IsZero() {
		if time.Sleep(time.Millisecond); began.IsZero() && in.refill().State == Running {
			began = time.Now()
		}
	}
	return in.refill().Ended.Sub(began)
}
