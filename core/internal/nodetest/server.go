// Package nodetest is a memcached server for tests: it lies in memory, and fails as a test wants it to.
//
// A Server has the values, and a Client is somebody's way to it. Both may have a Fault, which decides what becomes of each
// operation; so one who is cut off and a server that is down are the same thing at another place. Nothing here draws
// random numbers or waits by itself, so a simulation that decides both replays exactly.
package nodetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// Server is a server in memory. It is safe for concurrent use.
type Server struct {
	failing
	id string

	mu     sync.Mutex
	memory *node.Memory
	counts map[Op]int
	damage byte // of the last value
}

// New makes an empty server.
func New(id string) *Server {
	return &Server{id: id, memory: empty(), counts: map[Op]int{}}
}

// Several makes the servers n1, n2 and so on.
func Several(n int) (list []*Server) {
	for i := range n {
		list = append(list, New(fmt.Sprintf("n%d", i+1)))
	}
	return list
}

func empty() *node.Memory { return node.NewMemory(node.MemoryOptions{}) }

// ID is the server's name.
func (s *Server) ID() string { return s.id }

// Node makes a node of the server that it is reached by through a client.
func (s *Server) Node(c *Client, o node.Options) *node.Node { return node.New(s.id, s.id, c, o) }

// Memory is what the server has now, for a look or a change behind everyone's back.
func (s *Server) Memory() *node.Memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory
}

// Value answers what is under a key, behind everyone's back; nil: nothing, or an empty value.
func (s *Server) Value(key string) []byte {
	item, err := s.Memory().Get(context.Background(), key)
	if err != nil {
		return nil
	}
	return item.Value
}

// Restart loses all values. The server begins with those of a Memory, such as a Clone of its own from before; nil: with none.
func (s *Server) Restart(with *node.Memory) {
	if with == nil {
		with = empty()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory = with
}

// Evict takes a value away, as memcached does when it needs the room.
func (s *Server) Evict(key string) {
	m := s.Memory()
	if item, err := m.Get(context.Background(), key); err == nil {
		_ = m.CompareAndSwap(context.Background(), key, item, -time.Second)
	}
}

// Count tells how many such operations came to the server, whatever became of them.
func (s *Server) Count(such func(Op) bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for op, times := range s.counts {
		if such(op) {
			n += times
		}
	}
	return n
}

// receive takes an operation from a client.
func (s *Server) receive(ctx context.Context, op Op, do func(*node.Memory) error) error {
	s.mu.Lock()
	s.counts[op]++
	s.mu.Unlock()
	return s.meet(ctx, op, func() error { return do(s.Memory()) })
}

// damaged is an item whose last byte is another one, and not the same each time.
func (s *Server) damaged(item node.Item) node.Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damage = s.damage%255 + 1
	if n := len(item.Value); n > 0 {
		item.Value = slices.Clone(item.Value)
		item.Value[n-1] ^= s.damage
	}
	return item
}
