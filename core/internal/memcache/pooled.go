package memcache

import (
	"context"
	"net"
	"time"

	gomemcache "github.com/bradfitz/gomemcache/memcache"
)

// pooledConn is a gomemcache client with its single connection. It serves one operation at a time.
type pooledConn struct {
	client *gomemcache.Client
	dialer dialer
	conn   *conn // nil: none yet, or the last one was closed
	op     operation
	busy   bool      // an operation is running; guarded by pool.mu, as is idle
	idle   time.Time // since when no operation has been running
}

func newPooledConn(to *address, dial dialer, timeout time.Duration) *pooledConn {
	c := &pooledConn{client: gomemcache.NewFromSelector(to), dialer: dial}
	c.client.Timeout, c.client.MaxIdleConns = timeout, 1
	c.client.DialContext = c.dial
	return c
}

// begin starts the time of an operation.
func (c *pooledConn) begin(ctx context.Context, timeout time.Duration) {
	c.op.start(ctx, timeout)
	if c.conn != nil {
		c.conn.checked, c.conn.timed = false, false
		c.conn.replies.begin()
	}
}

// lost reports whether the server closed a connection that had served earlier operations.
func (c *pooledConn) lost(err error) bool { return !c.op.fresh && hungUp(err) }

// dial connects. gomemcache calls it when it has no connection.
func (c *pooledConn) dial(context.Context, string, string) (net.Conn, error) {
	made := &conn{op: &c.op, dialer: c.dialer}
	if err := made.connect(); err != nil {
		return nil, err
	}
	c.conn = made
	return made, nil
}

// drop closes the connection, so that a late answer is never taken for that of a later operation.
func (c *pooledConn) drop() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
	_ = c.client.Close()
}
