package copies

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// world is the nodes, the instances and the scheduler. Operations on nodes wait here until the scheduler lets one
// happen; nothing else in the bubble waits for anything, so the seed decides all.
type world struct {
	rng       *rand.Rand
	pace      time.Duration // of a step
	servers   map[string]*server
	names     []string
	instances []*instance

	trace func(c *call, err error) // of a replayed seed

	mu      sync.Mutex
	pending []*call
	procs   int
	active  map[int]*process
	heals   []*process
	burials []burial
	now     int // step
	quiet   int // steps since the last fault that every instance has known all epochs
}

// server is a memcached that can die, hang and come back.
type server struct {
	*nodetest.Server
	state   string         // up, dead, stopped
	lost    float64        // so many replies get lost
	full    bool           // it has no memory for what is written
	arrived *nodetest.Halt // while stopped: what happens when it goes on, although nobody waits any more
}

// instance is an app process.
type instance struct {
	name   string
	nodes  map[string]*node.Node
	store  *replica.Store
	cut    map[string]bool   // servers that it cannot reach
	probed map[string]int    // by server: when the last probe that ended well began
	heard  map[sid.Hash]bool // obituaries
	ctx    context.Context   // ends with it
	end    context.CancelFunc
	dead   bool // guarded by world.mu
}

// burial is what an obituary asks of an instance.
type burial struct {
	instance *instance
	session  sid.Hash
	at       string
}

// call is one operation on its way to a server.
type call struct {
	nodetest.Op
	process  int
	instance *instance
	server   string
	do       func() error
	reply    chan error
}

func newWorld(seed uint64, s settings) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), pace: cmp.Or(s.pace, time.Millisecond), servers: map[string]*server{}, active: map[int]*process{}}
	for _, n := range nodetest.Several(s.nodes) {
		w.names = append(w.names, n.ID())
		w.servers[n.ID()] = &server{Server: n, state: "up"}
	}
	for i := range s.apps {
		w.instances = append(w.instances, w.newInstance(fmt.Sprintf("i%d", i), s))
	}
	return w
}

func (w *world) newInstance(name string, s settings) *instance {
	in := &instance{
		name: name, nodes: map[string]*node.Node{}, cut: map[string]bool{}, probed: map[string]int{}, heard: map[sid.Hash]bool{},
	}
	in.ctx, in.end = context.WithCancel(context.Background())
	var members []cluster.Member
	for _, n := range w.names {
		way := w.servers[n].Client(name)
		way.Fail(w.ask(in, n))
		in.nodes[n] = w.servers[n].Node(way, node.Options{
			EpochKey: "epoch", NewsKey: replica.ObituaryKey("msm:"), OnNews: func(n *node.Node, value []byte) { w.hear(in, n, value) },
		})
		members = append(members, cluster.Member{Node: in.nodes[n]})
	}
	config := replica.Config{Cluster: cluster.New(members), Backups: s.backups, KeyPrefix: "msm:", IdleTime: time.Hour}
	if s.skew > 0 {
		off := time.Duration(w.rng.Int64N(int64(2*s.skew))) - s.skew
		config.Clock = func() time.Time { return time.Now().Add(off) }
	}
	in.store = replica.New(config)
	return in
}

// hear takes obituaries.
func (w *world) hear(in *instance, n *node.Node, value []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range replica.ParseObituaries(value) {
		if !in.heard[o.Session] && !in.dead {
			w.burials = append(w.burials, burial{in, o.Session, n.ID()})
		}
		in.heard[o.Session] = true
	}
}

type processKey struct{}

// ask lets each operation of an instance on a server wait for the scheduler.
func (w *world) ask(in *instance, server string) nodetest.Fault {
	return func(ctx context.Context, op nodetest.Op, do func() error) error {
		c := &call{Op: op, instance: in, server: server, do: do, reply: make(chan error, 1)}
		c.process, _ = ctx.Value(processKey{}).(int)
		w.mu.Lock()
		if in.dead {
			w.mu.Unlock()
			return nodetest.ErrOff
		}
		w.pending = append(w.pending, c)
		w.mu.Unlock()
		return <-c.reply
	}
}

// step lets one waiting operation happen. It reports whether there was one.
func (w *world) step() bool {
	time.Sleep(w.pace)
	synctest.Wait()
	w.mu.Lock()
	slices.SortFunc(w.pending, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.process, b.process), cmp.Compare(a.server, b.server))
	})
	if len(w.pending) == 0 {
		w.mu.Unlock()
		return false
	}
	i := w.rng.IntN(len(w.pending))
	c := w.pending[i]
	w.pending = slices.Delete(w.pending, i, i+1)
	w.mu.Unlock()
	c.reply <- w.happen(c)
	synctest.Wait()
	return true
}

// happen does an operation, or not, and answers what its sender sees.
func (w *world) happen(c *call) (err error) {
	if w.trace != nil {
		defer func() { w.trace(c, err) }()
	}
	s := w.servers[c.server]
	switch {
	case c.instance.cut[c.server]:
		return nodetest.ErrLost
	case s.state == "dead":
		return nodetest.ErrOff
	case s.state == "stopped":
		if c.Write() {
			s.arrived.Hold(func() { _ = c.do() })
		}
		return nodetest.ErrLost
	case s.full && c.Write():
		return nodetest.ErrFull
	}
	err = c.do()
	if s.lost > 0 && w.rng.Float64() < s.lost {
		return nodetest.ErrLost
	}
	return err
}

// kill loses what the server had.
func (s *server) kill() {
	s.Restart(nil)
	*s = server{Server: s.Server, state: "dead"}
}

func (s *server) stop() { s.state, s.arrived = "stopped", &nodetest.Halt{} }

// goOn lets land what was sent while the server hung, in any order.
func (s *server) goOn(rng *rand.Rand) {
	s.state = "up"
	s.arrived.GoOn(rng)
}
