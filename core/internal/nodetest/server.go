// Package nodetest is a memcached server in memory for tests, which fails as a test wants it to.
//
// A Server (server.go) holds the values, and a Client (client.go) is one user's access to it. Each may have a Fault
// (fault.go, halt.go), which decides what happens to each operation (op.go): a client that is cut off and a server that
// is down are the same fault at different places. wire.go speaks memcached's protocol. Nothing here draws random
// numbers or waits by itself, so a simulation that decides both replays exactly.
package nodetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
)

// Server is a memcached server in memory. It is safe for concurrent use.
type Server struct {
	failing
	id string

	mu     sync.Mutex
	memory *memcache.Memory
	counts map[Op]int
	damage byte // what was last applied to a damaged value; see damaged
}

// New returns an empty server with that id.
func New(id string) *Server {
	return &Server{id: id, memory: empty(), counts: map[Op]int{}}
}

// Several returns n servers with the ids n1, n2 and so on.
func Several(n int) (list []*Server) {
	for i := range n {
		list = append(list, New(fmt.Sprintf("n%d", i+1)))
	}
	return list
}

func empty() *memcache.Memory { return memcache.NewMemory(memcache.MemoryOptions{}) }

// ID returns the server's id.
func (s *Server) ID() string { return s.id }

// Memory returns the server's present data, to read or change them without any fault.
func (s *Server) Memory() *memcache.Memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory
}

// Value returns the value of a key, without any fault; nil: there is none, or it is empty.
func (s *Server) Value(key string) []byte {
	item, err := s.Memory().Get(context.Background(), key)
	if err != nil {
		return nil
	}
	return item.Value
}

// Restart replaces the server's data by those of a Memory, such as an earlier Clone of its own; nil: by none.
func (s *Server) Restart(with *memcache.Memory) {
	if with == nil {
		with = empty()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory = with
}

// Evict removes a value, as memcached does when it needs memory.
func (s *Server) Evict(key string) {
	m := s.Memory()
	if item, err := m.Get(context.Background(), key); err == nil {
		_ = m.CompareAndSwap(context.Background(), key, item, -time.Second)
	}
}

// Count returns how many of the operations that such chooses have reached the server, whatever happened to them.
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

// receive performs an operation of a client, unless the server's fault decides otherwise.
func (s *Server) receive(ctx context.Context, op Op, do func(*memcache.Memory) error) error {
	s.mu.Lock()
	s.counts[op]++
	s.mu.Unlock()
	return s.meet(ctx, op, func() error { return do(s.Memory()) })
}

// damaged returns an item whose last byte is changed, each time in another way.
func (s *Server) damaged(item memcache.Item) memcache.Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damage = s.damage%255 + 1
	if n := len(item.Value); n > 0 {
		item.Value = slices.Clone(item.Value)
		item.Value[n-1] ^= s.damage
	}
	return item
}
