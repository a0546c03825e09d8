package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/random"
)

// Membership owns the nodes of a list: it makes them, runs one prober for each, and closes them when they leave the
// list. It is safe for concurrent use.
type Membership struct {
	list   *Cluster
	config MembershipConfig

	mu      sync.Mutex         // one change of the list at a time
	running map[place]*running // nil: closed
	servers node.Servers
	made    int // nodes so far; one that is listed again draws other numbers, above all for its epoch
}

// MembershipConfig says how nodes are made, and who is told of them.
type MembershipConfig struct {
	Connect   func(Spec) Clients
	KeyPrefix string   // begins every key
	Boards    []string // keys that each probe reads as well
	OnProbe   node.OnProbe
	Introduce func(list []*node.Node) // called with a new list before it is used; nil: not called
	Forget    func(gone []*node.Node) // called with nodes that have left the list; nil: not called
	Log       *journal.Journal
	Random    *random.Source // the probers draw from sources that are derived from it
}

// Clients are the clients of a server: one for operations, and one for probes, which so never wait for a free
// connection; nil: probes use that for operations.
type Clients struct{ Operations, Probes memcache.Client }

// place identifies a node over changes of the list: with the same id and address it stays the same node.
type place struct{ id, address string }

// running is a node and its prober.
type running struct {
	node *node.Node
	stop context.CancelFunc
	done chan struct{}
}

// NewMembership returns the Membership of a list that is still empty.
func NewMembership(list *Cluster, config MembershipConfig) *Membership {
	return &Membership{list: list, config: config, running: make(map[place]*running)}
}

// Set replaces the list; its arguments are those of Parse. It waits until the first probe of each new node has ended,
// and closes the nodes that have left the list. If there are faults in the list, or a new node answers and turns out to
// be unfit, nothing changes.
func (m *Membership) Set(nodes, failover string) []Fault {
	specs, faults := Parse(nodes, failover)
	if len(specs) == 0 && len(faults) == 0 {
		faults = append(faults, Fault{Field: "Nodes", Text: "names no node"})
	}
	if len(faults) > 0 {
		return faults
	}
	return m.Use(specs)
}

// Use is Set for a list that was read already (rule N17).
func (m *Membership) Use(specs []Spec) []Fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running == nil { // closed
		return nil
	}
	next := make(map[place]*running)
	var members []Member
	var made []*running
	for _, spec := range specs {
		at := place{spec.ID, spec.Address}
		r, known := m.running[at]
		if !known {
			r = m.join(spec)
			made = append(made, r)
		}
		next[at] = r
		members = append(members, Member{Node: r.node, Failover: spec.Failover})
	}
	m.servers.Set(nodesOf(members))
	look(made)
	if faults := unfit(made); len(faults) > 0 {
		m.servers.Set(m.list.Nodes())
		m.leave(made)
		return faults
	}
	for _, r := range made { // nodes are compared, and the first probe of one may have come before the others'
		if r.node.OutOfUse() {
			r.node.MarkStale()
		}
	}
	if m.config.Introduce != nil {
		m.config.Introduce(nodesOf(members))
	}
	m.list.Set(members)
	before := m.running
	m.running = next
	for at := range next {
		delete(before, at)
	}
	m.leave(slices.Collect(maps.Values(before)))
	return nil
}

// leave ends nodes that have left the list, or have not come to be in it, and drops what is remembered of them.
func (m *Membership) leave(list []*running) {
	end(list)
	if m.config.Forget == nil {
		return
	}
	var gone []*node.Node
	for _, r := range list {
		gone = append(gone, r.node)
	}
	m.config.Forget(gone)
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

// unfit returns a fault for each node that answers and cannot be used. TLS or a password that does not fit is one only if
// it fits no node: the certificate of a single node may have expired, which is no reason not to start.
func unfit(list []*running) (faults []Fault) {
	var misfits []Fault
	for _, r := range list {
		trouble, down := r.node.Trouble()
		fault := Fault{Field: "Nodes", Text: r.node.Failed(trouble.Why).String()}
		switch {
		case down && errors.Is(trouble.Why, node.ErrUnfit):
			faults = append(faults, fault)
		case down && errors.Is(trouble.Why, memcache.ErrMisconfigured):
			misfits = append(misfits, fault)
		}
	}
	if len(misfits) == len(list) {
		return misfits
	}
	return faults
}

// join makes a node. If other nodes are in use, the new one may have been in the list before, with values from then, so
// its epoch is replaced.
func (m *Membership) join(spec Spec) *running {
	m.made++
	clients := m.config.Connect(spec)
	made := node.New(spec.ID, spec.Address, clients.Operations, node.Options{
		EpochKey: m.config.KeyPrefix + "epoch", UseKey: m.config.KeyPrefix + "used", Log: m.config.Log,
		Prober: clients.Probes, Watch: m.config.Boards, OnProbe: m.config.OnProbe, Servers: &m.servers,
		Random: m.config.Random.Of(fmt.Sprint("prober of ", spec.ID, m.made)),
	})
	if len(m.running) > 0 {
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

// Close stops the probers and closes the nodes. Later calls of Set do nothing.
func (m *Membership) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	end(slices.Collect(maps.Values(m.running)))
	m.running = nil
}

// end stops the probers and closes the nodes.
func end(list []*running) {
	for _, r := range list {
		r.stop()
		<-r.done
		_ = r.node.Close()
	}
}
