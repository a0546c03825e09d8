package replica

import (
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
)

// Debts returns what this instance owes, under the name debtor: one entry for each listed node that has missed
// something (see Owed), and one for each stranger.
func (s *Store) Debts(debtor uint64) (list []mailbox.Debt) {
	for _, m := range s.Cluster.Members() {
		if s.CountOwed(m.Node) > 0 {
			list = append(list, mailbox.Debt{Debtor: debtor, Node: mailbox.NodeHashOf(m.Node.ID()), Epoch: m.Node.Epoch()})
		}
	}
	for _, x := range s.strangers.now() {
		list = append(list, mailbox.Debt{Debtor: debtor, Node: mailbox.NodeHashOf(x.Node), Epoch: x.Epoch})
	}
	return list
}

// Doubt makes this instance compare what a node has with the copies on other nodes, for that long, because another
// instance owes the node something. It does nothing if the node is not listed.
func (s *Store) Doubt(id mailbox.NodeHash, life time.Duration) {
	if n := s.Named(id); n != nil {
		n.Doubt(life)
	}
}

// Lost deals with the debt of an instance that has ended, so that nobody knows any more what the node has missed. If
// the node still has the debt's epoch, the epoch is replaced, and everything on the node counts as stale (rule H10).
// Lost returns false if it has to be tried again, because this instance has never reached the node.
func (s *Store) Lost(d mailbox.Debt) bool {
	n := s.Named(d.Node)
	switch {
	case n == nil:
		return true
	case n.Epoch() == 0:
		return false
	case d.Epoch == 0 || d.Epoch == n.Epoch():
		n.MarkEpochStale(n.Epoch())
	}
	return true
}

// Named returns the listed node that has that name in messages; nil: there is none.
func (s *Store) Named(id mailbox.NodeHash) *node.Node {
	for _, m := range s.Cluster.Members() {
		if mailbox.NodeHashOf(m.Node.ID()) == id {
			return m.Node
		}
	}
	return nil
}
