package local_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// idle is the sessions' idle timeout.
const idle = 30 * time.Minute

// opTimeout is how long an operation may take.
const opTimeout = 100 * time.Millisecond

// world is a set of servers in memory. Every instance has nodes of its own for them. Time is fake.
type world struct {
	t       *testing.T
	servers map[string]*nodetest.Server
	backups int
	started int // instances

	random *random.Source                                     // the source of all random numbers; nil: the runtime's
	pace   func(own *random.Source, at string) nodetest.Fault // of an instance's way to a server; nil: an operation takes no time
}

// off is the fault of a server that nobody reaches.
var off = nodetest.Refuse(nodetest.ErrOff)

// reads and writes choose the operations on sessions, not those of probers and messages, which may come at any time.
var reads, writes = nodetest.Reads("msm:s:"), nodetest.Writes("msm:s:")

// mute has the server do the next n writes of sessions without an answer.
func mute(n int) nodetest.Fault { return nodetest.Only(writes, nodetest.Mute(n)) }

// inWorld runs a test in a bubble of fake time, with that many servers.
func inWorld(t *testing.T, servers, backups int, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, servers: map[string]*nodetest.Server{}, backups: backups}
		for _, s := range nodetest.Several(servers) {
			w.servers[s.ID()] = s
		}
		test(w)
	})
}

// modes are the configurations for cases that are the same with asynchronous and synchronous backup.
var modes = map[string]local.Config{"async": {}, "sync": {Sync: true}}

// inModes runs a test in each of the modes, with one instance.
func inModes(t *testing.T, servers, backups int, test func(w *world, a *instance)) {
	for mode, config := range modes {
		t.Run(mode, func(t *testing.T) {
			inWorld(t, servers, backups, func(w *world) { test(w, w.start(config)) })
		})
	}
}

// all gives every server a fault; nil: they work.
func (w *world) all(fault nodetest.Fault) {
	for _, s := range w.servers {
		s.Fail(fault)
	}
}

// count returns how many of these operations came to the servers.
func (w *world) count(such func(nodetest.Op) bool) (n int) {
	for _, s := range w.servers {
		n += s.Count(such)
	}
	return n
}

// settle waits until the write-behind, the probers and the repair have done what they have to do.
func settle() { time.Sleep(3 * time.Second) }

// instance is one app process.
type instance struct {
	*local.Store
	w       *world
	replica *replica.Store
	ways    []*nodetest.Client // to the servers
	gate    chan struct{}      // messages are read once it is closed; nil: at once
	close   func()
	running sync.WaitGroup // all that works in the background, but for the store
}

// start starts an instance, with probers and everything else that a manager has.
func (w *world) start(config local.Config) *instance {
	ctx, stop := context.WithCancel(context.Background())
	var members []cluster.Member
	w.started++
	name := fmt.Sprint(config.Route, w.started)
	own := w.random.Of(name)
	a := &instance{w: w}
	config.Replica = replica.New(replica.Config{
		Cluster: cluster.New(nil), Backups: w.backups, KeyPrefix: "msm:", IdleTime: idle, Random: own, Route: config.Route, Patience: opTimeout,
	})
	inbox, courier := mailbox.NewInbox(a, config.Replica.Mail, config.Route), replica.NewCourier(config.Replica)
	look := func(n *node.Node, mailboxes map[string]memcache.Item, began time.Time) {
		inbox.Probed(n, mailboxes, began)
		courier.Look(n)
	}
	for i := range len(w.servers) {
		s := w.servers[fmt.Sprintf("n%d", i+1)]
		way := s.Client(name)
		a.ways = append(a.ways, way)
		if w.pace != nil {
			way.Fail(w.pace(own, s.ID()))
		}
		n := s.Node(way, node.Options{
			EpochKey: "epoch", Random: own.Of("prober of " + s.ID()), Watch: mailbox.Keys("msm:", config.Route), OnProbe: look,
		})
		_ = n.Probe(ctx)
		a.running.Go(func() { n.Run(ctx) })
		members = append(members, cluster.Member{Node: n})
	}
	config.Replica.Cluster.Set(members)
	config.Patience = 7 * time.Second // as managers have it
	if config.Log == nil {
		config.Log = journal.Silent()
	}
	a.Store, a.replica = local.New(config), config.Replica
	a.running.Go(func() { inbox.Run(own.As(ctx, "inbox")) })
	a.running.Go(func() { courier.Run(ctx) })
	a.close = sync.OnceFunc(func() {
		over, cancel := context.WithCancel(ctx)
		cancel()
		a.Close(over)
		stop()
		a.running.Wait()
	})
	w.t.Cleanup(a.close)
	return a
}

// Receive implements mailbox.Receiver.
func (a *instance) Receive(ctx context.Context, at *node.Node, list []mailbox.Message) {
	if a.gate != nil {
		<-a.gate
	}
	rest := a.Store.Receive(list)
	for _, m := range list {
		rest = append(rest, func(ctx context.Context) error { return a.replica.Receive(ctx, m, at.ID()) })
	}
	a.running.Go(func() { // as package peers has it
		for _, task := range rest {
			_ = task(ctx)
		}
	})
}

// hear has the instance receive messages, and do what is left to be done then.
func (a *instance) hear(list ...mailbox.Message) {
	for _, task := range a.Store.Receive(list) {
		a.must(task(context.Background()))
	}
}

// CaughtUp implements mailbox.Receiver.
func (a *instance) CaughtUp(at time.Time) { a.Store.CaughtUp(at) }

// crash ends the instance as SIGKILL would: it stores nothing more.
func (a *instance) crash() {
	before := map[*nodetest.Server]nodetest.Fault{}
	for _, s := range a.w.servers {
		before[s] = s.Fail(off)
	}
	a.close()
	for s, fault := range before {
		s.Fail(fault)
	}
}

// stored returns the record that a server has, nil if it has none.
func (w *world) stored(id, token string) *record.Record {
	w.t.Helper()
	value := w.servers[id].Value(sid.Key("msm:", sid.Record, token))
	if value == nil {
		return nil
	}
	rec, err := record.Decode(value)
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

// holds returns the ids of the servers that have a live copy, sorted.
func (w *world) holds(token string) (list []string) {
	for id := range w.servers {
		if rec := w.stored(id, token); rec != nil && !rec.Tombstone {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// wantStored checks what another instance finds.
func (w *world) wantStored(token, node, name, want string) {
	w.t.Helper()
	b := w.start(local.Config{})
	defer b.close()
	s, err := b.get(token, node)
	if err != nil {
		w.t.Errorf("another instance finds: %v", err)
		return
	}
	if got := value(s, name); got != want {
		w.t.Errorf("another instance finds %s = %q; want %q", name, got, want)
	}
}
