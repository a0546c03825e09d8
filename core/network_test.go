package msm_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/node"
)

// network is memcached servers n1, n2 and so on within this process, which managers with the real client reach by pipes.
// So what is promised about time is shown in fake time: to the nanosecond, for on this network nothing needs any.
type network struct {
	t       *testing.T
	nodes   string
	servers map[string]*fake
}

func newNetwork(t *testing.T, n int) *network {
	w := &network{t: t, servers: map[string]*fake{}}
	var nodes []string
	for i := range n {
		id := fmt.Sprintf("n%d", i+1)
		w.servers[id] = &fake{memory: node.NewMemory(node.MemoryOptions{})}
		nodes = append(nodes, id+":"+id+":11211")
	}
	w.nodes = strings.Join(nodes, ",")
	return w
}

// manager makes an instance on the network, with an operation's timeout of 100 ms.
func (w *network) manager(config msm.Config) *msm.Manager {
	config.Nodes, config.OpTimeout = w.nodes, 100*time.Millisecond
	config.DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
		id, _, _ := strings.Cut(address, ":")
		return w.servers[id].accept(), nil
	}
	return newManager(w.t, config)
}

// fake is a memcached server in memory.
type fake struct {
	memory *node.Memory
	unlist bool // it refuses to list its keys

	mu       sync.Mutex
	goesOn   chan struct{} // closed when it does; nil: it is not halted
	commands []string
}

// halt has the server hang: it takes what it is sent, and does it when it goes on.
func (s *fake) halt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goesOn = make(chan struct{})
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

// about are the commands about keys that begin so since the last reset, without those of the probers.
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
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		in := bufio.NewReader(far)
		for {
			words, data, err := command(in)
			if err != nil {
				return
			}
			s.note(words)
			if _, err := io.WriteString(far, s.answer(words, data)); err != nil {
				return
			}
		}
	}()
	return near
}

// note keeps a command, and waits while the server is halted.
func (s *fake) note(words []string) {
	s.mu.Lock()
	s.commands = append(s.commands, strings.Join(words, " "))
	goesOn := s.goesOn
	s.mu.Unlock()
	if goesOn != nil {
		<-goesOn
	}
}

// command reads one command with its data.
func command(in *bufio.Reader) (words []string, data []byte, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, nil, err
	}
	words = strings.Fields(line)
	if words[0] != "add" && words[0] != "cas" {
		return words, nil, nil
	}
	data = make([]byte, number(words[4])+uint64(len("\r\n")))
	_, err = io.ReadFull(in, data)
	return words, data[:len(data)-len("\r\n")], err
}

func number(word string) uint64 {
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// answer does a command, as memcached's doc/protocol.txt has it.
func (s *fake) answer(words []string, data []byte) string {
	var b strings.Builder
	switch words[0] {
	case "gets":
		for _, key := range words[1:] {
			if item, err := s.memory.Get(context.Background(), key); err == nil {
				fmt.Fprintf(&b, "VALUE %s %d %d %d\r\n%s\r\n", key, item.Flags, len(item.Value), item.Token, item.Value)
			}
		}
	case "add", "cas":
		return s.write(words, data)
	case "version":
		return "VERSION 1.6.19\r\n"
	case "lru_crawler":
		if s.unlist {
			return "CLIENT_ERROR lru crawler disabled\r\n"
		}
		_ = s.memory.Keys(context.Background(), "", func(key string) {
			fmt.Fprintf(&b, "key=%s exp=-1 la=0 cas=0 fetch=no cls=1 size=100\r\n", strings.ReplaceAll(key, ":", "%3A"))
		})
	default:
		panic(fmt.Sprintf("no such command: %q", words))
	}
	return b.String() + "END\r\n"
}

// write is <add|cas> key flags exptime bytes [token].
func (s *fake) write(words []string, data []byte) string {
	item, ttl := node.Item{Value: data, Flags: uint32(number(words[2]))}, lifetime(words[3])
	var err error
	if words[0] == "add" {
		err = s.memory.Add(context.Background(), words[1], item, ttl)
	} else {
		item.Token = number(words[5])
		err = s.memory.CompareAndSwap(context.Background(), words[1], item, ttl)
	}
	for answer, is := range map[string]error{"NOT_STORED": node.ErrExists, "EXISTS": node.ErrConflict, "NOT_FOUND": node.ErrMiss} {
		if errors.Is(err, is) {
			return answer + "\r\n"
		}
	}
	if err != nil {
		panic(err)
	}
	return "STORED\r\n"
}

// lifetime is what memcached makes of an exptime: seconds, at once if there are fewer than none, or from thirty days on a
// moment of Unix time.
func lifetime(word string) time.Duration {
	if strings.HasPrefix(word, "-") {
		return -time.Second
	}
	seconds := number(word)
	if seconds > 30*24*60*60 {
		return time.Until(time.Unix(int64(seconds), 0))
	}
	return time.Duration(seconds) * time.Second
}
