package replica

import (
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

const (
	// strangersLife is how long this instance remembers that it owes something to a node that is not in its list. If
	// such a node is out of use for longer, an instance that lists it again can tell by that: see node.Node.OutOfUse.
	strangersLife = 3 * time.Minute
	// strangersLimit is how many of them are remembered. Beyond, the one that was met first is dropped.
	strangersLimit = 64
)

// strangers are nodes that are not in this instance's list, but had copies of sessions that it has written elsewhere.
// Other instances may list them, and so may the instance that replaces this one. It is safe for concurrent use; the
// zero value is empty.
type strangers struct {
	mu   sync.Mutex
	list []stranger
}

type stranger struct {
	record.Copy           // the node, and its epoch when the copy was written
	met         time.Time // when it was met last
}

// add remembers that the node of a copy is owed something (rule H11).
func (s *strangers) add(c record.Copy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		if s.list[i].Copy == c {
			s.list[i].met = time.Now()
			return
		}
	}
	if len(s.list) == strangersLimit {
		s.list = slices.Delete(s.list, 0, 1)
	}
	s.list = append(s.list, stranger{c, time.Now()})
}

// now returns those that were met less than strangersLife ago, and forgets the others.
func (s *strangers) now() []stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(x stranger) bool { return time.Since(x.met) > strangersLife })
	return slices.Clone(s.list)
}

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

// Forget drops the hints for a node that has left the list. Other instances may list it still, so the debt itself is
// remembered, as that to a stranger.
func (s *Store) Forget(n *node.Node) {
	s.hints.mu.Lock()
	defer s.hints.mu.Unlock()
	if d := s.hints.of[n]; d != nil {
		s.strangers.add(record.Copy{Node: n.ID(), Epoch: d.epoch})
		s.hints.forget(n)
	}
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
