package msmtest

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between clients and a memcached server and keeps the command lines that it sees. It is safe for
// concurrent use.
type Proxy struct {
	t        testing.TB
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	commands []string
	conns    map[net.Conn]struct{}
}

// StartProxy starts a proxy to a server on a free port of loopback, and ends it with the test.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{t: t, target: target, listener: l, conns: make(map[net.Conn]struct{})}
	p.done.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr is host and port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Commands answers the command lines seen since the last Reset, in the order in which they came.
func (p *Proxy) Commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.commands)
}

// Reset forgets the commands seen so far.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client, server) {
			return
		}
		p.done.Go(func() { p.forward(client, server) })
		p.done.Go(func() { pipe(client, server) })
	}
}

// keep notes connections so that close can end them; it refuses them when close has been.
func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.conns == nil {
			_ = c.Close()
			continue
		}
		p.conns[c] = struct{}{}
	}
	return p.conns != nil
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.done.Wait()
}

// pipe copies until either side ends, and then ends both.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// forward passes on what the client sends, and notes each command line on its way.
func (p *Proxy) forward(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	in := bufio.NewReader(client)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		size, err := dataSize(line)
		if err != nil {
			p.t.Errorf("proxy: no memcached command: %q", line)
			return
		}
		p.mu.Lock()
		p.commands = append(p.commands, strings.TrimSpace(line))
		p.mu.Unlock()
		if _, err := io.WriteString(server, line); err != nil {
			return
		}
		if _, err := io.CopyN(server, in, size); err != nil {
			return
		}
	}
}

// dataSize is how many bytes of data follow a command line of memcached's text protocol (its doc/protocol.txt).
func dataSize(line string) (int64, error) {
	words := strings.Fields(line)
	if len(words) == 0 || !strings.HasSuffix(line, "\r\n") {
		return 0, strconv.ErrSyntax
	}
	switch words[0] {
	case "set", "add", "replace", "append", "prepend", "cas":
		if len(words) < 5 {
			return 0, strconv.ErrSyntax
		}
		n, err := strconv.ParseUint(words[4], 10, 31)
		return int64(n) + 2, err
	}
	return 0, nil
}
