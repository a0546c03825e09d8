package replica

import (
	"context"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

// Two kinds of nodes are left although they answer: one that does not take the session's size, and a failover node when there are
// others again. Each instance may have failover nodes of its own, that on its own host, so that a session is never on the host
// that serves it; only who serves a session makes it leave one.

// leaves: the session is to have its copies elsewhere than on the node.
func (a *Access) leaves(n *node.Node, copies int) bool {
	return !n.Takes(a.size) || a.serves && a.store.Cluster.Failover(n.ID()) && a.store.regular(a.size) >= copies
}

// regular counts the nodes that are no failover nodes and could have a copy of that size.
func (s *Store) regular(size int) (n int) {
	for _, m := range s.Cluster.Members() {
		if !m.Failover && m.Node.Available() && m.Node.Takes(size) {
			n++
		}
	}
	return n
}

// astray: the record has copies on failover nodes without need.
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

// outgrows: the home has the session, and does not take what a change has made of it. The session moves first, as it is.
func (a *Access) outgrows(f *found, next *record.Record) bool {
	home, known := a.store.Cluster.Node(f.home)
	if !known || home.Takes(next.Size()) || !home.Takes(f.rec.Size()) {
		return false
	}
	s, _ := f.seen.of(f.home)
	return s.rec != nil
}

// clear removes copies that the session has left behind on backups, when it is stored without them.
func (a *Access) clear(ctx context.Context, newest *record.Record) {
	for _, n := range a.left {
		err := a.store.replace(ctx, n, a.key, newest, func(token uint64) error { return remove(ctx, n, a.key, token) })
		if err != nil {
			a.without(n)
		}
	}
}

// remove takes away what a node has, if it is still what was seen.
func remove(ctx context.Context, n *node.Node, key string, token uint64) error {
	return n.CompareAndSwap(ctx, key, node.Item{Token: token}, -time.Second)
}
