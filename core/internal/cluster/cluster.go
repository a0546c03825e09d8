// Package cluster is the list of nodes.
//
//   - cluster.go: the list, and the ranking of its nodes for a session
//   - membership.go: making, probing and closing nodes as the list changes
//   - await.go, unavailable.go: waiting for a node, and what is said if there is none
//   - parse.go, entry.go: the list in the configuration, and how to mend what is wrong there
package cluster

import (
	"slices"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/node"
)

// Member is a node in the list.
type Member struct {
	Node     *node.Node
	Failover bool // a failover node, which ranks behind all others
}

// Cluster is the list of nodes. It is safe for concurrent use: a reader sees the list before or after a Set, never a
// mixture.
type Cluster struct {
	members atomic.Pointer[[]Member]
}

// New returns a cluster of the given members.
func New(members []Member) *Cluster {
	c := &Cluster{}
	c.Set(members)
	return c
}

// Set replaces the list. It keeps a copy of members.
func (c *Cluster) Set(members []Member) {
	list := slices.Clone(members)
	c.members.Store(&list)
}

// Members returns the list in the configured order. The caller must not change it.
func (c *Cluster) Members() []Member { return *c.members.Load() }

// Nodes returns the nodes of the list, in the configured order.
func (c *Cluster) Nodes() []*node.Node {
	return nodesOf(c.Members())
}

func nodesOf(members []Member) []*node.Node {
	list := make([]*node.Node, len(members))
	for i, m := range members {
		list[i] = m.Node
	}
	return list
}

// Node returns the node with that id. If ok is false there is none in the list.
func (c *Cluster) Node(id string) (*node.Node, bool) {
	for _, m := range c.Members() {
		if m.Node.ID() == id {
			return m.Node, true
		}
	}
	return nil, false
}

// Failover reports whether the node with that id is in the list as a failover node.
func (c *Cluster) Failover(id string) bool {
	for _, m := range c.Members() {
		if m.Node.ID() == id {
			return m.Failover
		}
	}
	return false
}

// Ranking returns all nodes in the order of preference for a session: by the rendezvous hash of its key and the node's
// id, failover nodes last. It depends on nothing else, so every instance finds the same order, and a node that is added
// or removed moves only its own sessions. It takes the session's key and not the token, because a scan over the keys of
// a node knows no tokens.
func (c *Cluster) Ranking(key string) []*node.Node {
	members := c.Members()
	scored := make([]scoredNode, len(members))
	hash := Hash(key)
	for i, m := range members {
		scored[i] = scoredNode{m.Node, mix(hash ^ Hash(m.Node.ID())), m.Failover}
	}
	slices.SortFunc(scored, before)
	ranking := make([]*node.Node, len(scored))
	for i, s := range scored {
		ranking[i] = s.node
	}
	return ranking
}

type scoredNode struct {
	node     *node.Node
	score    uint64
	failover bool
}

func before(a, b scoredNode) int {
	switch {
	case a.failover != b.failover:
		if a.failover {
			return 1
		}
		return -1
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return 0
}

// Hash returns the 64-bit FNV-1a hash of s, without the allocation of package hash/fnv.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix is the finalizer of SplitMix64: FNV alone leaves the ids "n1" and "n2" too alike for a fair ranking.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
