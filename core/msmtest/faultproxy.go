package msmtest

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Fault is what a FaultProxy does to what passes through it.
type Fault string

// The faults of a network, or of a server that is not well. The zero value is no fault.
const (
	NoFault   Fault = ""
	Delay     Fault = "delay"      // replies come 20 ms later
	BlackHole Fault = "black hole" // nothing passes; what was sent meanwhile arrives when the fault ends
	Drip      Fault = "drip"       // replies come byte by byte, one every 20 ms
	Reset     Fault = "reset"      // a connection is reset when a reply comes on it
	Truncate  Fault = "truncate"   // half of a reply comes, and then the connection ends
	Corrupt   Fault = "corrupt"    // one byte of each reply is changed
)

// Faults lists all faults.
var Faults = []Fault{Delay, BlackHole, Drip, Reset, Truncate, Corrupt}

// faultPause is how much later a reply comes with Delay, and how long Drip waits after each byte.
const faultPause = 20 * time.Millisecond

// FaultProxy stands between clients and a memcached server. A fault also affects connections that exist already.
// FaultProxy is safe for concurrent use.
type FaultProxy struct {
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu     sync.Mutex
	fault  Fault
	change chan struct{} // closed when the fault changes
	closed bool
	conns  map[net.Conn]struct{}
}

// StartFaultProxy starts a proxy to the server at the address target, on a free port of the loopback interface. The
// proxy ends with the test.
func StartFaultProxy(t testing.TB, target string) *FaultProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &FaultProxy{target: target, listener: l, change: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	p.done.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr returns the host and port of the proxy.
func (p *FaultProxy) Addr() string { return p.listener.Addr().String() }

// Set begins a fault; NoFault ends the present one.
func (p *FaultProxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	close(p.change)
	p.change = make(chan struct{})
}

// now returns the present fault, and a channel that is closed when the fault changes.
func (p *FaultProxy) now() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.change
}

func (p *FaultProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(client) })
	}
}

func (p *FaultProxy) serve(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	defer p.drop(client)
	p.wait()
	server, err := net.Dial("tcp", p.target)
	if err != nil || !p.keep(server) {
		return
	}
	defer p.drop(server)
	p.done.Go(func() {
		defer server.Close()
		p.pump(server, client, func(b []byte) error { _, err := server.Write(b); return err })
	})
	p.pump(client, server, func(b []byte) error { return p.reply(client, b) })
}

// pump reads from a connection, and passes on each piece as it comes.
func (p *FaultProxy) pump(to, from net.Conn, pass func([]byte) error) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.wait()
			if pass(buffer[:n]) != nil {
				return
			}
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// wait returns once there is no black hole.
func (p *FaultProxy) wait() {
	for fault, change := p.now(); fault == BlackHole; fault, change = p.now() {
		<-change
	}
}

// reply sends a piece of a reply to the client, or what the fault makes of it.
func (p *FaultProxy) reply(client net.Conn, b []byte) error {
	fault, _ := p.now()
	switch fault {
	case Delay:
		time.Sleep(faultPause)
	case Drip:
		for i := range b {
			if _, err := client.Write(b[i : i+1]); err != nil {
				return err
			}
			time.Sleep(faultPause)
		}
		return nil
	case Reset:
		if tcp, ok := client.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return io.ErrUnexpectedEOF
	case Truncate:
		_, _ = client.Write(b[:len(b)/2])
		return io.ErrUnexpectedEOF
	case Corrupt:
		b[rand.IntN(len(b))] ^= byte(1 + rand.IntN(255))
	}
	_, err := client.Write(b)
	return err
}

// keep records a connection, so that close can end it. It returns false once the proxy is closed.
func (p *FaultProxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *FaultProxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = c.Close()
	delete(p.conns, c)
}

func (p *FaultProxy) close() {
	_ = p.listener.Close()
	p.Set(NoFault)
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.done.Wait()
}
