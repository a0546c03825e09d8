package msm_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// network is memcached servers n1, n2 and so on within this process, which managers reach with the real client, through
// pipes. It is for tests in fake time, which can check times to the nanosecond: the network itself takes none.
type network struct {
	t       *testing.T
	nodes   string
	servers map[string]*fake

	mu   sync.Mutex
	ways map[string][]net.Conn // connections of each instance, by its name
	off  map[string]bool       // instances that are cut off
}

func newNetwork(t *testing.T, n int) *network {
	w := &network{t: t, servers: map[string]*fake{}, ways: map[string][]net.Conn{}, off: map[string]bool{}}
	var nodes []string
	for i := range n {
		id := fmt.Sprintf("n%d", i+1)
		w.servers[id] = &fake{memory: memcache.NewMemory(memcache.MemoryOptions{})}
		nodes = append(nodes, id+":"+id+":11211")
	}
	w.nodes = strings.Join(nodes, ",")
	return w
}

// manager makes an instance on the network. An operation's timeout is 100 ms if the configuration has none.
func (w *network) manager(config msm.Config) *msm.Manager { return w.managerOf("", config) }

// managerOf is manager, for an instance with a name.
func (w *network) managerOf(name string, config msm.Config) *msm.Manager {
	config.Nodes, config.OpTimeout = w.nodes, cmp.Or(config.OpTimeout, 100*time.Millisecond)
	config.DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.off[name] {
			return nil, nodetest.ErrOff
		}
		id, _, _ := strings.Cut(address, ":")
		way := w.servers[id].accept()
		w.ways[name] = append(w.ways[name], way)
		return way, nil
	}
	return newManager(w.t, config)
}

// cut cuts the named instance off from all servers.
func (w *network) cut(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off[name] = true
	for _, way := range w.ways[name] {
		way.Close()
	}
}

// fake is a memcached server in memory.
type fake struct {
	memory *memcache.Memory
	unlist bool // refuse to list the keys
	dials  atomic.Int32
	open   atomic.Int32 // open connections
	most   int32        // most open connections, as memcached -c; 0: no limit

	mu       sync.Mutex
	goesOn   chan struct{} // closed when the server goes on; nil: it is not halted
	late     time.Duration // delay of each response
	commands []string
}

// halt makes the server hang: it takes commands, and executes them when it goes on.
func (s *fake) halt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goesOn = make(chan struct{})
}

func (s *fake) slow(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = by
}

func (s *fake) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.goesOn)
	s.goesOn = nil
}

// reset forgets the commands seen so far.
func (w *network) reset() {
	for _, s := range w.servers {
		s.mu.Lock()
		s.commands = nil
		s.mu.Unlock()
	}
}

// about returns the commands on keys with that prefix since the last reset, without those of the probers.
func (w *network) about(prefix string) (list []string) {
	for _, s := range w.servers {
		s.mu.Lock()
		for _, line := range s.commands {
			if name, key, _ := strings.Cut(line, " "); strings.HasPrefix(key, prefix) {
				list = append(list, name)
			}
		}
		s.mu.Unlock()
	}
	slices.Sort(list)
	return list
}

func (s *fake) accept() net.Conn {
	s.dials.Add(1)
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		defer s.open.Add(-1)
		if n := s.open.Add(1); s.most > 0 && n > s.most {
			_, _ = io.WriteString(far, "ERROR Too many open connections\r\n")
			return
		}
		in := bufio.NewReader(far)
		for {
			c, err := command(in)
			if err != nil {
				return
			}
			s.note(c)
			if _, err := io.WriteString(far, s.answer(c)); err != nil {
				return
			}
		}
	}()
	return near
}

// note records a command, and waits as long as the server is halted or slow.
func (s *fake) note(c nodetest.Command) {
	s.mu.Lock()
	s.commands = append(s.commands, strings.Join(c.Words, " "))
	goesOn, late := s.goesOn, s.late
	s.mu.Unlock()
	time.Sleep(late)
	if goesOn != nil {
		<-goesOn
	}
}

// command reads one command with its data.
func command(in *bufio.Reader) (nodetest.Command, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nodetest.Command{}, err
	}
	c := nodetest.Command{Words: strings.Fields(line)}
	if c.Stores() {
		c.Data = make([]byte, c.Size())
		_, err = io.ReadFull(in, c.Data)
		c.Data = c.Data[:c.Size()-len("\r\n")]
	}
	return c, err
}

// answer executes a command and returns the response.
func (s *fake) answer(c nodetest.Command) string {
	if s.unlist && c.Words[0] == "lru_crawler" {
		return "CLIENT_ERROR lru crawler disabled\r\n"
	}
	s.mu.Lock()
	memory := s.memory
	s.mu.Unlock()
	return c.Answer(memory)
}

// value returns what the server has under a key.
func (s *fake) value(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, _ := s.memory.Get(context.Background(), key)
	return string(item.Value)
}

// restart makes the server lose its values. Connections stay open.
func (s *fake) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory = memcache.NewMemory(memcache.MemoryOptions{})
}
