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

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// world is the nodes, the instances and the scheduler. Operations on nodes wait here until the scheduler lets one
// happen. Nothing else in the bubble waits for anything, so the seed decides everything.
type world struct {
	rng       *rand.Rand
	pace      time.Duration // duration of a step
	drag      time.Duration // how much longer a step takes while an instance is halted
	late      float64       // share of the answers that come many operations later
	servers   map[string]*server
	names     []string
	instances []*instance

	trace func(c *call, err error) // logs an operation, if the seed is replayed

	mu         sync.Mutex
	pending    []*call
	procs      int
	active     map[int]*process
	heals      []*process
	errands    []*process
	deliveries map[delivery]struct{} // under way
	now        int                   // the present step
	quiet      int                   // steps without a fault in which every instance has known all epochs
}

// server is a memcached that can die, hang and come back.
type server struct {
	*nodetest.Server
	state   string         // up, dead, stopped
	lost    float64        // share of replies that get lost
	damaged float64        // share of replies that are damaged
	full    bool           // it has no memory for what is written
	arrived *nodetest.Halt // while stopped: what happens when it goes on, although nobody waits for it any more
}

// call is one operation on its way to a server, or the pause of a handler.
type call struct {
	nodetest.Op
	process  int
	instance *instance
	server   string
	do       func() error
	reply    chan error
	rest     int   // of a handler that does something else, or of an answer on its way: how many steps it still takes
	held     bool  // it has happened, and its halted instance does not know
	err      error // what the instance will hear
}

func newWorld(seed uint64, s settings) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), pace: cmp.Or(s.pace, time.Millisecond), late: s.late, servers: map[string]*server{}, active: map[int]*process{}, deliveries: map[delivery]struct{}{}}
	for _, n := range nodetest.Several(s.nodes) {
		w.names = append(w.names, n.ID())
		w.servers[n.ID()] = &server{Server: n, state: "up"}
	}
	for i := range s.apps {
		w.instances = append(w.instances, w.newInstance(fmt.Sprintf("i%d", i), s))
	}
	return w
}

type processKey struct{}

// ask makes each operation of an instance on a server wait for the scheduler.
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

// rest is what a handler does between reading the session and writing it.
func (w *world) rest(p *process, times int) {
	c := &call{process: p.id, instance: p.instance, rest: times, reply: make(chan error, 1)}
	w.mu.Lock()
	dead := p.instance.dead
	if !dead {
		w.pending = append(w.pending, c)
	}
	w.mu.Unlock()
	if !dead {
		<-c.reply
	}
}

// step lets one waiting operation happen. It reports whether there was one.
func (w *world) step() bool {
	time.Sleep(w.pace + w.drag)
	synctest.Wait()
	w.mu.Lock()
	slices.SortFunc(w.pending, before)
	var ready []*call
	for _, c := range w.pending {
		if !c.held && (c.rest == 0 || !c.instance.halted) {
			ready = append(ready, c)
		}
	}
	w.mu.Unlock()
	if len(ready) == 0 {
		return false
	}
	w.let(ready[w.rng.IntN(len(ready))])
	return true
}

// let makes an operation happen. A halted instance does not take its answer.
func (w *world) let(c *call) {
	switch {
	case c.rest > 1:
		c.rest--
	case c.rest == 1:
		w.answer(c, c.err)
	case c.instance.halted:
		c.held, c.err = true, w.happen(c)
	default:
		err := w.happen(c)
		if (err == nil || memcache.IsReply(err)) && w.late > 0 && w.rng.Float64() < w.late {
			c.rest, c.err = 1+w.rng.IntN(mostLate), err
			return
		}
		w.answer(c, err)
	}
}

// mostLate is how many steps an answer takes at most.
const mostLate = 60

func (w *world) answer(c *call, err error) {
	w.mu.Lock()
	w.pending = slices.DeleteFunc(w.pending, func(x *call) bool { return x == c })
	w.mu.Unlock()
	c.reply <- err
	synctest.Wait()
}

func before(a, b *call) int {
	return cmp.Or(cmp.Compare(a.process, b.process), cmp.Compare(a.server, b.server))
}

// happen does an operation, or does not, and returns what its sender sees.
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
	switch {
	case s.lost > 0 && w.rng.Float64() < s.lost:
		return nodetest.ErrLost
	case s.damaged == 0 || w.rng.Float64() >= s.damaged:
		return err
	case c.Write() || err != nil:
		return nodetest.ErrOff // an invalid answer ends the connection
	}
	return nodetest.ErrDamaged
}

// kill ends the server, which loses what it had.
func (s *server) kill() {
	s.Restart(nil)
	*s = server{Server: s.Server, state: "dead"}
}

func (s *server) stop() { s.state, s.arrived = "stopped", &nodetest.Halt{} }

// goOn makes what was sent while the server hung happen, in any order.
func (s *server) goOn(rng *rand.Rand) {
	s.state = "up"
	s.arrived.GoOn(rng)
}
