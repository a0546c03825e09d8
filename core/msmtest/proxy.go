package msmtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between clients and a memcached server, and records the command lines that pass through it. If a client
// sends anything but memcached's text protocol, the test fails, and the rest of that connection passes through
// unrecorded. Proxy is safe for concurrent use.
type Proxy struct {
	t        testing.TB
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	commands []string
	conns    map[net.Conn]struct{}
}

// StartProxy starts a proxy to the server at the address target, on a free port of the loopback interface. The proxy
// ends with the test.
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

// Addr returns the host and port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Commands returns the command lines seen since the last Reset, in the order in which they came.
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

// keep records connections, so that close can end them. Once the proxy is closed, it closes them and returns false.
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

// pipe copies until either side ends, and then closes both.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// forward passes on what the client sends, and records each command line.
func (p *Proxy) forward(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	in := bufio.NewReader(client)
	for {
		line, err := p.command(in, server)
		if err == nil {
			continue
		}
		if errors.Is(err, errOdd) {
			p.t.Errorf("proxy: %v: %q", err, line)
			_, _ = io.Copy(server, in)
		}
		return
	}
}

var errOdd = errors.New("not memcached's text protocol")

// command passes on one command with its data. It returns the line that it has read, and why it could not go on.
func (p *Proxy) command(in *bufio.Reader, server io.Writer) (string, error) {
	if first, err := in.Peek(1); err != nil {
		return "", err
	} else if first[0] >= 0x80 { // the binary protocol, which has no lines to wait for
		return string(first), errOdd
	}
	line, err := in.ReadString('\n')
	if err != nil {
		return line, err
	}
	size, parsed := dataSize(line)
	if parsed == nil {
		p.note(line)
	}
	if _, err := io.WriteString(server, line); err != nil || parsed != nil {
		return line, errors.Join(err, parsed)
	}
	if size < 0 {
		return line, nil
	}
	if _, err := io.CopyN(server, in, size); err != nil {
		return line, err
	}
	end, err := in.Peek(2)
	if err == nil && string(end) != "\r\n" {
		err = fmt.Errorf("%w: %d bytes of data end with %q", errOdd, size, end)
	}
	if err != nil {
		return line, err
	}
	_, err = io.CopyN(server, in, 2)
	return line, err
}

func (p *Proxy) note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = append(p.commands, strings.TrimSpace(line))
}

// sizeWord tells which word of a command line says how many bytes of data follow it, by memcached's doc/protocol.txt.
// 0: no data follow.
var sizeWord = map[string]int{
	"set": 4, "add": 4, "replace": 4, "append": 4, "prepend": 4, "cas": 4, "ms": 2,
	"get": 0, "gets": 0, "gat": 0, "gats": 0, "mg": 0, "md": 0, "ma": 0, "me": 0, "mn": 0,
	"delete": 0, "incr": 0, "decr": 0, "touch": 0, "flush_all": 0,
	"stats": 0, "version": 0, "verbosity": 0, "quit": 0, "shutdown": 0, "watch": 0,
	"lru_crawler": 0, "lru": 0, "slabs": 0, "cache_memlimit": 0,
}

// dataSize returns how many bytes of data follow a command line, without the line end behind them; -1: none do.
func dataSize(line string) (int64, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return 0, errOdd
	}
	at, known := sizeWord[words[0]]
	switch {
	case !known || at >= len(words):
		return 0, errOdd
	case at == 0:
		return -1, nil
	}
	size, err := strconv.ParseUint(words[at], 10, 31)
	if err != nil {
		return 0, errOdd
	}
	return int64(size), nil
}
