package msm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
)

// nodes owns the nodes of a manager: it makes them, runs one prober for each, and closes them. It is safe for
// concurrent use.
type nodes struct {
	config    *Config
	log       *journal.Journal
	cluster   *cluster.Cluster
	onProbe   node.OnProbe
	introduce func(list []*node.Node) // called with a new list before it is used; nil: not called
	forget    func(gone []*node.Node) // called with nodes that have left the list; nil: not called
	random    *random.Source          // the probers draw from sources that are derived from it

	mu      sync.Mutex         // one change of the list at a time
	running map[place]*running // nil: closed
	servers node.Servers
	made    int // nodes so far; one that is listed again draws other numbers, above all for its epoch
}

// place identifies a node over changes of the list: with the same id and address it stays the same node.
type place struct{ id, address string }

// running is a node and its prober.
type running struct {
	node *node.Node
	stop context.CancelFunc
	done chan struct{}
}

func newNodes(c *Config, log *journal.Journal, from *random.Source) *nodes {
	return &nodes{
		config: c, log: log, cluster: cluster.New(nil), random: from, running: make(map[place]*running),
	}
}

// begin uses the configured list, or an in-memory node if that is empty.
func (n *nodes) begin() []fault {
	if n.config.Nodes != "" {
		return n.set(n.config.Nodes, n.config.FailoverNodes)
	}
	n.log.Warn("msm: no Nodes are configured: sessions live in the memory of this process only, and end with it")
	return n.use([]cluster.Spec{{Address: "memory"}}, func(cluster.Spec) ways { return ways{operations: memcache.NewMemory(memcache.MemoryOptions{})} })
}

// set replaces the list. If there are faults, nothing changes.
func (n *nodes) set(list, failover string) []fault {
	specs, faults := cluster.Parse(list, failover)
	if len(specs) == 0 && len(faults) == 0 {
		faults = append(faults, fault{Field: "Nodes", Text: "names no node"})
	}
	if len(faults) > 0 {
		return faults
	}
	return n.use(specs, n.memcached)
}

// use makes the nodes that are new in the list, waits until the first probe of each has ended, and closes the nodes
// that have left the list. If a new node turns out to be unfit, the list stays as it was (rule N17).
func (n *nodes) use(specs []cluster.Spec, reach func(cluster.Spec) ways) []fault {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running == nil { // closed
		return nil
	}
	next := make(map[place]*running)
	var members []cluster.Member
	var made []*running
	for _, spec := range specs {
		at := place{spec.ID, spec.Address}
		r, known := n.running[at]
		if !known {
			r = n.join(spec, reach(spec))
			made = append(made, r)
		}
		next[at] = r
		members = append(members, cluster.Member{Node: r.node, Failover: spec.Failover})
	}
	n.servers.Set(nodesOf(members))
	look(made)
	if faults := unfit(made); len(faults) > 0 {
		n.servers.Set(nodesOf(n.cluster.Members()))
		n.leave(made)
		return faults
	}
	for _, r := range made { // nodes are compared, and the first probe of one may have come before the others'
		if r.node.OutOfUse() {
			r.node.MarkStale()
		}
	}
	if n.introduce != nil {
		n.introduce(nodesOf(members))
	}
	n.cluster.Set(members)
	before := n.running
	n.running = next
	for at := range next {
		delete(before, at)
	}
	n.leave(slices.Collect(maps.Values(before)))
	return nil
}

// leave ends nodes that have left the list, or have not come to be in it, and drops what is remembered of them.
func (n *nodes) leave(list []*running) {
	end(list)
	if n.forget == nil {
		return
	}
	var gone []*node.Node
	for _, r := range list {
		gone = append(gone, r.node)
	}
	n.forget(gone)
}

func nodesOf(members []cluster.Member) (list []*node.Node) {
	for _, m := range members {
		list = append(list, m.Node)
	}
	return list
}

// look starts the probers of nodes, and waits for the first probe of each.
func look(list []*running) {
	var probes sync.WaitGroup
	for _, r := range list {
		probes.Add(1)
		r.begin(probes.Done)
	}
	probes.Wait()
}

// unfit returns a fault for each node that answers and cannot be used.
func unfit(list []*running) (faults []fault) {
	for _, r := range list {
		if trouble, down := r.node.Trouble(); down && errors.Is(trouble.Why, node.ErrUnfit) {
			faults = append(faults, fault{Field: "Nodes", Text: r.node.Failed(trouble.Why).String()})
		}
	}
	return faults
}

// join makes a node. If other nodes are in use, the new one may have been in the list before, with values from then, so
// its epoch is replaced.
func (n *nodes) join(spec cluster.Spec, by ways) *running {
	n.made++
	made := node.New(spec.ID, spec.Address, by.operations, node.Options{
		EpochKey: n.config.KeyPrefix + "epoch", UseKey: n.config.KeyPrefix + "used", Log: n.log,
		Prober: by.probes, Watch: mailbox.Keys(n.config.KeyPrefix, n.route()), OnProbe: n.onProbe, Servers: &n.servers,
		Random: n.random.Of(fmt.Sprint("prober of ", spec.ID, n.made)),
	})
	if len(n.running) > 0 {
		made.MarkStale()
	}
	return &running{node: made, done: make(chan struct{})}
}

// begin starts the prober, which calls looked after the first probe.
func (r *running) begin(looked func()) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() {
		defer close(r.done)
		_ = r.node.Probe(ctx) // the node itself logs what is wrong
		looked()
		r.node.Run(ctx)
	}()
}

// route returns the route by which others leave messages for this instance alone; empty if it is not sticky.
func (n *nodes) route() string {
	if n.config.Sticky {
		return n.config.Route
	}
	return ""
}

// ways are the clients of a server: one for operations, and one for probes, which so never wait for a free connection.
type ways struct{ operations, probes memcache.Client }

func (n *nodes) memcached(spec cluster.Spec) ways {
	o := memcache.ClientOptions{
		Timeout: n.config.OpTimeout, MaxConns: n.config.MaxConns, DialContext: n.config.DialContext, Random: n.random.Of("operations on " + spec.ID),
	}
	operations := memcache.NewMemcached(spec.Address, o)
	o.MaxConns, o.Random = 1, n.random.Of("probes of "+spec.ID)
	return ways{operations, memcache.NewMemcached(spec.Address, o)}
}

func (n *nodes) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	end(slices.Collect(maps.Values(n.running)))
	n.running = nil
}

// end stops the probers and closes the nodes.
func end(list []*running) {
	for _, r := range list {
		r.stop()
		<-r.done
		_ = r.node.Close()
	}
}
