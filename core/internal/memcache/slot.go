package memcache

import (
	"context"
	"net"
	"sync"
	"time"

	gomemcache "github.com/bradfitz/gomemcache/memcache"
)

// slot is a gomemcache client with its single connection. It serves one operation at a time.
type slot struct {
	client *gomemcache.Client
	dialer func(ctx context.Context, network, address string) (net.Conn, error)
	addr   address
	conn   *conn     // nil: none yet, or the last one was closed
	times  times     // of the present operation
	fresh  bool      // the connection was made for the present operation
	busy   bool      // an operation is running; guarded by Memcached.mu, as is idle
	idle   time.Time // since when no operation has been running

	mu      sync.Mutex         // guards the fields below, which cut needs
	over    bool               // the operation was cut
	dialing context.CancelFunc // ends the dial in progress; nil: there was none
	waiting net.Conn           // the connection that the operation uses
}

func newSlot(m *Memcached) *slot {
	s := &slot{dialer: m.options.DialContext, addr: m.addr}
	s.client = gomemcache.NewFromSelector(&s.addr)
	s.client.Timeout, s.client.MaxIdleConns = m.options.Timeout, 1
	s.client.DialContext = s.dial
	return s
}

// begin starts the time of an operation.
func (s *slot) begin(ctx context.Context, timeout time.Duration) {
	s.times, s.fresh = newTimes(ctx, timeout), false
	if s.conn != nil {
		s.conn.checked, s.conn.timed = false, false
	}
}

// take reserves the slot for an operation. The caller holds Memcached.mu.
func (s *slot) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.over = true, false
}

// cut ends the running operation, wherever it is, as if its time were up.
func (s *slot) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.dialing != nil {
		s.dialing()
	}
	if s.waiting != nil {
		_ = s.waiting.SetDeadline(past)
	}
}

var past = time.Unix(1, 0)

// wasCut reports whether the operation was cut.
func (s *slot) wasCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// dials tells cut how to end the dial that begins.
func (s *slot) dials(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialing = cancel
	if s.over {
		cancel()
	}
}

// waits sets the deadline of the connection that the operation uses.
func (s *slot) waits(c net.Conn, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = c
	if s.over {
		return c.SetDeadline(past)
	}
	return c.SetDeadline(until)
}

// lost reports whether the server closed a connection that had served earlier operations.
func (s *slot) lost(err error) bool { return !s.fresh && hungUp(err) }

// dial connects. gomemcache calls it when it has no connection.
func (s *slot) dial(context.Context, string, string) (net.Conn, error) {
	c := &conn{slot: s}
	if err := c.connect(); err != nil {
		return nil, err
	}
	s.conn = c
	return c, nil
}

// drop closes the connection, so that a late answer is never taken for that of a later operation.
func (s *slot) drop() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
	_ = s.client.Close()
}

// address is the address of the server, and gomemcache's selector for it: one with a single server. It keeps a host
// name, so that every dial resolves it.
type address struct{ network, where string }

func (a *address) Network() string { return a.network }
func (a *address) String() string  { return a.where }

// PickServer is called before gomemcache connects. It refuses bad keys, since gomemcache accepts an empty one.
func (a *address) PickServer(key string) (net.Addr, error) {
	if !legal(key) {
		return nil, errKey
	}
	return a, nil
}

func (a *address) Each(f func(net.Addr) error) error { return f(a) }
