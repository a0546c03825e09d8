package replica

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// A session leaves a node although it answers in two cases: the node does not take items of the session's size, or it
// is a failover node and there are enough regular nodes again. Each instance may have failover nodes of its own, such
// as the one on its own host, so that a session is never on the host that serves it. So only an instance that serves a
// session makes it leave a failover node.

// leaves reports whether the session is to have its copies elsewhere than on the node (rules W14 and W15). copies is
// how many of them regular nodes have to take before a failover node is left.
func (a *Access) leaves(n *node.Node, copies int) bool {
	return !n.Takes(a.size) || a.serves && a.store.Cluster.Failover(n.ID()) && a.store.regular(a.size) >= copies
}

// regular returns how many regular nodes, not failover nodes, are available and take a copy of that size, in bytes.
func (s *Store) regular(size int) (n int) {
	for _, m := range s.Cluster.Members() {
		if !m.Failover && m.Node.Available() && m.Node.Takes(size) {
			n++
		}
	}
	return n
}

// astray reports whether the record has a copy on a failover node without need.
func (s *Store) astray(rec *record.Record) bool {
	for _, c := range rec.Copies {
		if !s.Cluster.Failover(c.Node) {
			continue
		}
		if regular := s.regular(rec.Size()); c.Node == rec.Home && regular > 0 || regular > s.backups() {
			return true
		}
	}
	return false
}

// rehome makes the write a claim for another home, if the session leaves the one that it has.
func (a *Access) rehome(f *found, next *record.Record) {
	home, known := a.store.Cluster.Node(f.home)
	if !known || !a.usable(home) || !a.leaves(home, 1) {
		return
	}
	for _, n := range a.store.Cluster.Ranking(a.key) {
		if n != home && a.placeable(n) {
			if !f.claim {
				f.term, f.claim = f.term+1, true
			}
			f.home, f.first = n.ID(), home.ID()
			next.Home, next.Term = f.home, f.term
			return
		}
	}
}

// outgrows reports whether the home has the session, and does not take what a change has made of it. Then the session
// moves first, unchanged.
func (a *Access) outgrows(f *found, next *record.Record) bool {
	home, known := a.store.Cluster.Node(f.home)
	if !known || home.Takes(next.Size()) || !home.Takes(f.rec.Size()) {
		return false
	}
	s, _ := f.seen.of(f.home)
	return s.rec != nil
}

// clear removes the copies on backups that the session has left, once it is stored without them.
func (a *Access) clear(ctx context.Context, newest *record.Record) {
	for _, n := range a.left {
		err := a.store.replace(ctx, n, a.key, newest, func(token uint64) error { return remove(ctx, n, a.key, token) })
		if err != nil {
			a.without(n)
		}
	}
}

// remove takes away what a node has, if it is still the value with that token.
func remove(ctx context.Context, n *node.Node, key string, token uint64) error {
	return n.CompareAndSwap(ctx, key, memcache.Item{Token: token}, -time.Second)
}
