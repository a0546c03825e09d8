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
	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
)

// nodes owns the nodes of a manager: it makes them, keeps one prober running for each, and ends them.
type nodes struct {
	config    *Config
	log       *journal.Journal
	cluster   *cluster.Cluster
	onLook    node.OnLook
	introduce func(list []*node.Node) // called before a list is used; nil: nobody cares
	random    *random.Source          // each prober has one of its own within it

	mu      sync.Mutex // one change of the list at a time
	running map[place]*running
	servers node.Servers
	made    int // nodes; one that is back in the list draws other numbers, above all for its epoch
}

// place is what makes a node the same one after a change of the list.
type place struct{ id, address string }

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

// begin uses the configured list, or an in-memory node if there is none.
func (n *nodes) begin() []fault {
	if n.config.Nodes != "" {
		return n.set(n.config.Nodes, n.config.FailoverNodes)
	}
	n.log.Warn("msm: no Nodes are configured: sessions live in the memory of this process only, and end with it")
	return n.use([]cluster.Spec{{Address: "memory"}}, func(cluster.Spec) ways { return ways{operations: node.NewMemory(node.MemoryOptions{})} })
}

// set changes the list; if it has faults nothing changes.
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

// use makes the nodes of the list, waits until each has answered a first probe or its time is up, and lets go of those
// that are not in it any more. If a new one turns out to be unfit, the list stays as it was.
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
		end(made)
		return faults
	}
	for _, r := range made { // the first probe may have come before those of the others
		if r.node.OutOfUse() {
			r.node.Replace()
		}
	}
	if n.introduce != nil {
		n.introduce(nodesOf(members))
	}
	n.cluster.Set(members)
	gone := n.running
	n.running = next
	for at := range next {
		delete(gone, at)
	}
	end(slices.Collect(maps.Values(gone)))
	return nil
}

func nodesOf(members []cluster.Member) (list []*node.Node) {
	for _, m := range members {
		list = append(list, m.Node)
	}
	return list
}

// look begins to probe nodes, and waits for the first probe of each.
func look(list []*running) {
	var probes sync.WaitGroup
	for _, r := range list {
		probes.Add(1)
		r.begin(probes.Done)
	}
	probes.Wait()
}

// unfit tells which nodes answer and cannot be used.
func unfit(list []*running) (faults []fault) {
	for _, r := range list {
		if trouble, down := r.node.Trouble(); down && errors.Is(trouble.Why, node.ErrUnfit) {
			faults = append(faults, fault{Field: "Nodes", Text: r.node.Failed(trouble.Why).String()})
		}
	}
	return faults
}

// join makes a node. One that joins a list may have been in it before, and what it has may be of that time.
func (n *nodes) join(spec cluster.Spec, by ways) *running {
	n.made++
	made := node.New(spec.ID, spec.Address, by.operations, node.Options{
		EpochKey: n.config.KeyPrefix + "epoch", UseKey: n.config.KeyPrefix + "used", Log: n.log,
		Prober: by.probes, Also: news.Boards(n.config.KeyPrefix, n.route()), OnLook: n.onLook, Servers: &n.servers,
		Random: n.random.Of(fmt.Sprint("prober of ", spec.ID, n.made)),
	})
	if len(n.running) > 0 {
		made.Replace()
	}
	return &running{node: made, done: make(chan struct{})}
}

// begin probes the node from now on. looked is called after the first time.
func (r *running) begin(looked func()) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() {
		defer close(r.done)
		_ = r.node.Probe(ctx) // it says itself what is wrong
		looked()
		r.node.Run(ctx)
	}()
}

// route is that of this instance where others may have to tell it something.
func (n *nodes) route() string {
	if n.config.Sticky {
		return n.config.Route
	}
	return ""
}

// ways are how a server is reached: by operations, and by the probes, which wait for nobody.
type ways struct{ operations, probes node.Client }

func (n *nodes) memcached(spec cluster.Spec) ways {
	o := node.ClientOptions{
		Timeout: n.config.OpTimeout, MaxConns: n.config.MaxConns, DialContext: n.config.DialContext, Random: n.random.Of("operations on " + spec.ID),
	}
	operations := node.NewMemcached(spec.Address, o)
	o.MaxConns, o.Random = 1, n.random.Of("probes of "+spec.ID)
	return ways{operations, node.NewMemcached(spec.Address, o)}
}

func (n *nodes) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	end(slices.Collect(maps.Values(n.running)))
	n.running = nil
}

func end(list []*running) {
	for _, r := range list {
		r.stop()
		<-r.done
		_ = r.node.Close()
	}
}
