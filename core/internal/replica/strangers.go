package replica

import (
	"slices"
	"sync"
	"time"

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
