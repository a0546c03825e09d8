package msm

import (
	"context"
	"fmt"
	"sync"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
)

// nodes owns the nodes of a manager: it makes them, keeps one prober running for each, and ends them.
type nodes struct {
	config  *Config
	log     *journal.Journal
	cluster *cluster.Cluster
	onLook  func(n *node.Node, boards map[string]node.Item)
	random  *random.Source // each prober has one of its own within it

	mu      sync.Mutex // one change of the list at a time
	running map[place]*running
	started int // nodes; one that is back in the list draws other numbers, above all for its epoch
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
		config: c, log: log, cluster: cluster.New(nil), onLook: func(*node.Node, map[string]node.Item) {}, random: from, running: make(map[place]*running),
	}
}

// begin uses the configured list, or an in-memory node if there is none.
func (n *nodes) begin() error {
	if n.config.Nodes != "" {
		return n.set(n.config.Nodes, n.config.FailoverNodes)
	}
	n.log.Warn("msm: no Nodes are configured: sessions live in the memory of this process only, and end with it")
	n.use([]cluster.Spec{{Address: "memory"}}, func(cluster.Spec) ways { return ways{operations: node.NewMemory(node.MemoryOptions{})} })
	return nil
}

// set changes the list; on an error nothing changes.
func (n *nodes) set(list, failover string) error {
	specs, faults := cluster.Parse(list, failover)
	if len(specs) == 0 && len(faults) == 0 {
		faults = append(faults, fault{Field: "Nodes", Text: "names no node"})
	}
	if err := join(faults, func(field string) string { return field }); err != nil {
		return err
	}
	n.use(specs, n.memcached)
	return nil
}

// use makes the nodes of the list, waits until each has answered a first probe or its time is up, and lets go of those
// that are not in it any more.
func (n *nodes) use(specs []cluster.Spec, reach func(cluster.Spec) ways) {
	n.mu.Lock()
	defer n.mu.Unlock()
	gone, joins := n.running, len(n.running) > 0
	n.running = make(map[place]*running)
	var members []cluster.Member
	var probes sync.WaitGroup
	for _, spec := range specs {
		at := place{spec.ID, spec.Address}
		r, known := gone[at]
		if !known {
			r = n.start(spec, reach(spec), &probes, joins)
		}
		delete(gone, at)
		n.running[at] = r
		members = append(members, cluster.Member{Node: r.node, Failover: spec.Failover})
	}
	probes.Wait()
	n.cluster.Set(members)
	for _, r := range gone {
		r.end()
	}
}

// start begins with a node. One that joins a list may have been in it before, and what it has may be of that time.
func (n *nodes) start(spec cluster.Spec, by ways, probes *sync.WaitGroup, joins bool) *running {
	n.started++
	made := node.New(spec.ID, spec.Address, by.operations, node.Options{
		EpochKey: n.config.KeyPrefix + "epoch", Log: n.log,
		Prober: by.probes, Also: news.Boards(n.config.KeyPrefix, n.route()), OnLook: n.onLook,
		Random: n.random.Of(fmt.Sprint("prober of ", spec.ID, n.started)),
	})
	if joins {
		made.Replace()
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{node: made, stop: stop, done: make(chan struct{})}
	first := make(chan struct{})
	probes.Go(func() { <-first })
	go func() {
		defer close(r.done)
		if err := made.Probe(ctx); err != nil {
			n.log.Warn("node does not answer yet", "node", spec.ID, "address", spec.Address, "error", err)
		}
		close(first)
		made.Run(ctx)
	}()
	return r
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
	for _, r := range n.running {
		r.end()
	}
	n.running = nil
}

func (r *running) end() {
	r.stop()
	<-r.done
	_ = r.node.Close()
}
