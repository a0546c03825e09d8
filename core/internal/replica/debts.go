package replica

import (
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
)

const (
	// strangersLife is how long a node counts as owed that is not in the list here. When it has not been in use for longer, whoever
	// lists it again can tell by that, see node.Node.OutOfUse.
	strangersLife = 3 * time.Minute
	// strangersLimit bounds how many of them are remembered.
	strangersLimit = 64
)

// strangers are nodes that are not in the list here, and that had copies of sessions which this instance has written elsewhere. Others
// may list them, and this one's successor again. It is safe for concurrent use; the zero value is empty.
type strangers struct {
	mu   sync.Mutex
	list []stranger
}

type stranger struct {
	record.Copy
	met time.Time // last
}

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

func (s *strangers) now() []stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(x stranger) bool { return time.Since(x.met) > strangersLife })
	return slices.Clone(s.list)
}

// Debts are what this instance owes nodes, by that name of it: in its list, see Owed, and others.
func (s *Store) Debts(debtor uint64) (list []news.Debt) {
	for _, m := range s.Cluster.Members() {
		if s.CountOwed(m.Node) > 0 {
			list = append(list, news.Debt{Debtor: debtor, Node: news.NameOf(m.Node.ID()), Epoch: m.Node.Epoch()})
		}
	}
	for _, x := range s.strangers.now() {
		list = append(list, news.Debt{Debtor: debtor, Node: news.NameOf(x.Node), Epoch: x.Epoch})
	}
	return list
}

// Doubt has what a node has be compared with the others' copies for so long, for another instance owes it something.
func (s *Store) Doubt(id news.Name, life time.Duration) {
	if n := s.Named(id); n != nil {
		n.Doubt(life)
	}
}

// Lost says that nobody is left who knows what the debt was. It is false if that cannot be told yet, for this instance has never
// reached the node.
func (s *Store) Lost(d news.Debt) bool {
	n := s.Named(d.Node)
	switch {
	case n == nil:
		return true
	case n.Epoch() == 0:
		return false
	case d.Epoch == 0 || d.Epoch == n.Epoch():
		n.ReplaceEpoch(n.Epoch())
	}
	return true
}

// Named is the node in the list of which a message tells; nil: there is none.
func (s *Store) Named(id news.Name) *node.Node {
	for _, m := range s.Cluster.Members() {
		if news.NameOf(m.Node.ID()) == id {
			return m.Node
		}
	}
	return nil
}
