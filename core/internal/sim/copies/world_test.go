package copies

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/node"
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
	state   string // up, dead, stopped
	memory  *node.Memory
	lost    float64 // so many replies get lost
	full    bool    // it has no memory for what is written
	arrived []*call // while stopped: they happen when it goes on, although nobody waits any more
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
	process  int
	instance *instance
	server   string
	write    bool
	do       func(*node.Memory) error
	reply    chan error
}

var (
	errTimeout = errors.New("sim: timeout")
	errRefused = errors.New("sim: connection refused")
	errFull    = errors.New("SERVER_ERROR out of memory storing object")
)

func newWorld(seed uint64, s settings) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), pace: cmp.Or(s.pace, time.Millisecond), servers: map[string]*server{}, active: map[int]*process{}}
	for i := range s.nodes {
		name := fmt.Sprintf("n%d", i+1)
		w.names = append(w.names, name)
		w.servers[name] = &server{state: "up", memory: node.NewMemory(node.MemoryOptions{})}
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
		in.nodes[n] = node.New(n, n, &client{w, in, n}, node.Options{
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

// do lets an operation wait for the scheduler.
func (w *world) do(ctx context.Context, in *instance, server string, write bool, op func(*node.Memory) error) error {
	c := &call{instance: in, server: server, write: write, do: op, reply: make(chan error, 1)}
	c.process, _ = ctx.Value(processKey{}).(int)
	w.mu.Lock()
	if in.dead {
		w.mu.Unlock()
		return errRefused
	}
	w.pending = append(w.pending, c)
	w.mu.Unlock()
	return <-c.reply
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
		return errTimeout
	case s.state == "dead":
		return errRefused
	case s.state == "stopped":
		if c.write {
			s.arrived = append(s.arrived, c)
		}
		return errTimeout
	case s.full && c.write:
		return errFull
	}
	err = c.do(s.memory)
	if s.lost > 0 && w.rng.Float64() < s.lost {
		return errTimeout
	}
	return err
}

func (s *server) kill() { *s = server{state: "dead"} }

// start begins with what there is, if there is something.
func (s *server) start() {
	s.state = "up"
	if s.memory == nil {
		s.memory = node.NewMemory(node.MemoryOptions{})
	}
}

// goOn lets land what was sent while the server hung, in any order.
func (s *server) goOn(rng *rand.Rand) {
	s.state = "up"
	rng.Shuffle(len(s.arrived), func(i, j int) { s.arrived[i], s.arrived[j] = s.arrived[j], s.arrived[i] })
	for _, c := range s.arrived {
		_ = c.do(s.memory)
	}
	s.arrived = nil
}

// client is how an instance reaches a server.
type client struct {
	world    *world
	instance *instance
	server   string
}

func (c *client) Get(ctx context.Context, key string) (item node.Item, err error) {
	var got node.Item
	err = c.world.do(ctx, c.instance, c.server, false, func(m *node.Memory) (err error) {
		got, err = m.Get(context.Background(), key)
		return err
	})
	if err != nil {
		return node.Item{}, err
	}
	return got, nil
}

func (c *client) GetMulti(ctx context.Context, keys ...string) (map[string]node.Item, error) {
	var got map[string]node.Item
	err := c.world.do(ctx, c.instance, c.server, false, func(m *node.Memory) (err error) {
		got, err = m.GetMulti(context.Background(), keys...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (c *client) Add(ctx context.Context, key string, item node.Item, ttl time.Duration) error {
	return c.world.do(ctx, c.instance, c.server, true, func(m *node.Memory) error {
		return m.Add(context.Background(), key, item, ttl)
	})
}

func (c *client) CompareAndSwap(ctx context.Context, key string, item node.Item, ttl time.Duration) error {
	return c.world.do(ctx, c.instance, c.server, true, func(m *node.Memory) error {
		return m.CompareAndSwap(context.Background(), key, item, ttl)
	})
}

func (c *client) Close() error { return nil }

// Keys implements node.Client. Nothing in the simulation lists keys.
func (c *client) Keys(context.Context, string, func(string)) error { return node.ErrNoList }
