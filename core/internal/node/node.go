// Package node is one memcached server: whether it is available, and its epoch. The epoch is a random number that is
// stored on the server. It changes when the server loses its data, or when an instance replaces it because nobody knows
// what on the node is stale. Package memcache speaks with the server.
//
//   - node.go: what is known of a node; operations.go: what requests do on it
//   - evidence.go, suspicion.go: what their outcome says about the node; down.go: what takes it out of use; trouble.go: why
//   - availability.go: the decision whether it is used
//   - probe.go, run.go: the probes that bring it back; prober.go: what they read and write
//   - epoch.go, stale.go, doubt.go: epochs, and when a node's data are not trusted
//   - mark.go: when it was in use; servers.go: it compared with the others of the list; unfit.go: servers that cannot be used
//   - sizes.go: values that are too large for it
package node

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/random"
)

// ErrDown means that the node is not available. Nothing was sent.
var ErrDown = errors.New("node is down")

const (
	probeEvery = 250 * time.Millisecond // time between probes
	probeMax   = time.Second            // longest time between probes of a node that is unavailable
)

// Options say how a node is probed.
type Options struct {
	EpochKey string           // the key of the node's epoch
	UseKey   string           // the key under which the node stores when it was in use; empty: that is not stored
	Watch    []string         // further keys that every probe reads
	OnProbe  OnProbe          // called after every successful probe; the prober waits for it; nil: not called
	Prober   memcache.Client  // the client that probes use; nil: the one that operations use
	Servers  *Servers         // the list that the node is in; nil: it is not compared with others
	Log      *journal.Journal // nil: none
	Random   *random.Source   // for the prober; nil: the runtime's
}

// OnProbe is told of a probe of the node that has succeeded. It is the one way by which probes tell anything to other
// packages. watched has the values under Options.Watch, without keys that are absent. They are those of the time when
// the probe began, at least: if this process stood still meanwhile, they are as old as that.
type OnProbe func(n *Node, watched map[string]memcache.Item, began time.Time)

// Node is one memcached server. It is safe for concurrent use.
//
// A node is available or not. While it is not, operations return ErrDown at once. It becomes unavailable on evidence
// about the node: a connection that is refused or reset, an answer that makes no sense, or a probe that fails. An
// operation that times out may be to blame itself, so it only triggers a probe. A node that hangs costs the requests
// that meet it one timeout each, until that probe has ended, and later requests nothing.
//
// What a node has is trusted again as soon as a probe finds it with its former epoch: it has lost nothing. An instance
// that did without the node remembers what became stale there (hinted handoff, see package replica). The epoch is
// replaced only if nobody knows that.
type Node struct {
	id, address  string
	client       memcache.Client
	options      Options
	availability availability
	suspicion    suspicion
	doubt        doubt
	mark         mark
	sizes        sizeLimit
	prober       prober
	wake         chan struct{} // makes Run probe
}

// New returns a node that is not available before its first probe (rule N1).
func New(id, address string, client memcache.Client, o Options) *Node {
	if o.Prober == nil {
		o.Prober = client
	}
	if o.Log == nil {
		o.Log = journal.Silent()
	}
	n := &Node{id: id, address: address, client: client, options: o, wake: make(chan struct{}, 1)}
	n.prober = prober{client: o.Prober, epochKey: o.EpochKey, useKey: o.UseKey, random: o.Random}
	n.prober.watch(o.Watch)
	n.availability.state.Store(&state{since: time.Now(), why: errNotProbed})
	return n
}

// ID returns the node's configured id.
func (n *Node) ID() string { return n.id }

// Address returns the node's configured address.
func (n *Node) Address() string { return n.address }

// Available reports whether requests may use the node.
func (n *Node) Available() bool { return n.availability.state.Load().available }

// DownFor returns for how long the node has not been available, or zero if it is.
func (n *Node) DownFor() time.Duration {
	s := n.availability.state.Load()
	if s.available {
		return 0
	}
	return time.Since(s.since)
}

// Epoch returns the node's epoch as last read from it; 0: it was never read, or the node has none.
func (n *Node) Epoch() uint32 { return n.availability.state.Load().epoch }

// Probes returns the number of the last probe that has ended, successful or not. The first one is 1.
func (n *Node) Probes() uint64 { return n.suspicion.ended.Load() }

// Suspect reports whether an operation has timed out, and no probe that began after it has ended.
func (n *Node) Suspect() bool { return n.suspicion.active() }

// Doubt says that what the node has may be stale for the time life, although the node is available: another instance
// does without it. The time is at least that for a node that has just come back.
func (n *Node) Doubt(life time.Duration) { n.doubt.set(life) }

// Doubted reports whether what the node has may be stale.
func (n *Node) Doubted() bool { return n.doubt.active() }

// Takes reports whether the node may accept a value of that size in its present epoch.
func (n *Node) Takes(bytes int) bool { return n.sizes.takes(bytes, n.Epoch()) }

// Since returns when the server came into use, to the microsecond; zero: unknown. This time tells a server from another
// one under the same id.
func (n *Node) Since() time.Time { return n.mark.since() }

// Close closes the clients.
func (n *Node) Close() error { return errors.Join(n.client.Close(), n.options.Prober.Close()) }

// Servers detects that two nodes of a list are the same server, as when a list has two names of it: two copies there
// would be one. Epochs are random, so two nodes with the same epoch are one server. Only the first of them in the list
// is used. A nil *Servers detects nothing. It is safe for concurrent use.
type Servers struct {
	mu   sync.Mutex // held while a node becomes available, so that two nodes of one server cannot do so at the same time
	list []*Node
}

// Set says which nodes are in the list, and in which order. Only those are compared: while a server gets another id, it
// is two nodes for a moment.
func (s *Servers) Set(list []*Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.Clone(list)
}
