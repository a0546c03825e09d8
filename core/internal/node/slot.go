package node

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// slot is one gomemcache client with its one connection. It serves one operation at a time.
type slot struct {
	client *memcache.Client
	dialer func(ctx context.Context, network, address string) (net.Conn, error)
	addr   address
	conn   *conn     // nil: none yet, or the last one is dead
	times  times     // of the operation that runs, as for the next one
	fresh  bool      // its connection was made for it
	busy   bool      // an operation runs; guarded by Memcached.mu, as is idle
	idle   time.Time // since when none has run

	mu      sync.Mutex // guards what cut needs
	over    bool       // the operation has been cut
	dialing context.CancelFunc
	waiting net.Conn // for an answer
}

func newSlot(m *Memcached) *slot {
	s := &slot{dialer: m.options.DialContext, addr: m.addr}
	s.client = memcache.NewFromSelector(&s.addr)
	s.client.Timeout, s.client.MaxIdleConns = m.options.Timeout, 1
	s.client.DialContext = s.dial
	return s
}

// begin starts an operation's time.
func (s *slot) begin(ctx context.Context, timeout time.Duration) {
	s.times, s.fresh = newTimes(ctx, timeout), false
	if s.conn != nil {
		s.conn.checked, s.conn.timed = false, false
	}
}

// take makes the slot ready for an operation.
func (s *slot) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.over = true, false
}

// cut ends the operation that runs, wherever it is, as if its time were up.
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

// wasCut reports whether the operation has been cut.
func (s *slot) wasCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// dials lets cut end a dial.
func (s *slot) dials(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialing = cancel
	if s.over {
		cancel()
	}
}

// waits gives the connection that the operation uses its deadline, or another one.
func (s *slot) waits(c net.Conn, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = c
	if s.over {
		return c.SetDeadline(past)
	}
	return c.SetDeadline(until)
}

// lost: the server closed a connection that had served before under the operation.
func (s *slot) lost(err error) bool { return !s.fresh && hungUp(err) }

// hungUp: the other side has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// dial is called by gomemcache when it has no connection.
func (s *slot) dial(context.Context, string, string) (net.Conn, error) {
	c := &conn{slot: s}
	if err := c.connect(); err != nil {
		return nil, err
	}
	s.conn = c
	return c, nil
}

// drop closes the connection, so that no late answer is ever taken for that of a later operation.
func (s *slot) drop() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
	_ = s.client.Close()
}

// address is where the server is, and gomemcache's selector for it: a selector with one server to pick. A host name
// stays one, so that every dial resolves it.
type address struct{ network, where string }

func (a *address) Network() string { return a.network }
func (a *address) String() string  { return a.where }

// PickServer is asked before gomemcache connects. It refuses bad keys: gomemcache lets the empty one pass.
func (a *address) PickServer(key string) (net.Addr, error) {
	if !legal(key) {
		return nil, errKey
	}
	return a, nil
}

func (a *address) Each(f func(net.Addr) error) error { return f(a) }
