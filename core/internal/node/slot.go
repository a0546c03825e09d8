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
	client   *memcache.Client
	dialer   func(ctx context.Context, network, address string) (net.Conn, error)
	addr     address
	conn     *conn     // nil: none yet, or the last one is dead
	deadline time.Time // of the operation that runs
	fresh    bool      // its connection was made for it
	busy     bool      // an operation runs; guarded by Memcached.mu

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

// begin starts an operation's time. It reports whether that ends with ctx rather than with the timeout.
func (s *slot) begin(ctx context.Context, timeout time.Duration) (ctxFirst bool) {
	s.deadline, s.fresh = time.Now().Add(timeout), false
	if d, ok := ctx.Deadline(); ok && d.Before(s.deadline) {
		s.deadline, ctxFirst = d, true
	}
	if s.conn != nil {
		s.conn.checked, s.conn.timed = false, false
	}
	return ctxFirst
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

// waits gives the connection that the operation uses its deadline.
func (s *slot) waits(c net.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = c
	if s.over {
		return c.SetDeadline(past)
	}
	return c.SetDeadline(s.deadline)
}

// lost: the server closed a connection that had served before under the operation.
func (s *slot) lost(err error) bool {
	return !s.fresh && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
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

// conn is what gomemcache takes for its connection. It keeps the operation's deadline, and replaces a connection that
// died while it was idle, before anything is written to it.
type conn struct {
	net.Conn
	slot    *slot
	alive   func() bool
	checked bool // in the operation that runs, as is timed
	timed   bool // has its deadline
}

func (c *conn) connect() error {
	ctx, cancel := context.WithDeadline(context.Background(), c.slot.deadline)
	defer cancel()
	c.slot.dials(cancel)
	made, err := c.slot.dialer(ctx, c.slot.addr.network, c.slot.addr.where)
	if err != nil {
		return err
	}
	c.Conn, c.alive, c.checked, c.timed, c.slot.fresh = made, liveness(made), true, false, true
	return nil
}

// Write looks, once in an operation, whether the server has closed the connection meanwhile. If so nothing has been sent
// yet, so any operation may go on with a new one.
func (c *conn) Write(p []byte) (int, error) {
	if !c.checked {
		c.checked = true
		if !c.alive() {
			_ = c.Close()
			if err := c.connect(); err != nil {
				return 0, err
			}
			if err := c.SetDeadline(c.slot.deadline); err != nil {
				return 0, err
			}
		}
	}
	return c.Conn.Write(p)
}

// SetDeadline: gomemcache extends its deadline with every item that it reads. The operation's stays, and is set once.
func (c *conn) SetDeadline(time.Time) error {
	if c.timed {
		return nil
	}
	c.timed = true
	return c.slot.waits(c.Conn)
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
