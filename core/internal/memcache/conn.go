package memcache

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// conn is the connection that gomemcache sees. It keeps the deadline of the operation, and replaces a connection that
// died while it was idle, before anything is written to it.
type conn struct {
	net.Conn
	op      *operation
	dialer  dialer
	alive   func() bool
	replies replies
	checked bool // the present operation has checked that the connection is alive
	timed   bool // the present operation's deadline is set
}

// connect dials, and once more if this process stood still meanwhile; see times.go.
func (c *conn) connect() error {
	made, err := c.dialInTime()
	if err != nil && c.op.times.beginAgain() {
		made, err = c.dialInTime()
	}
	if err != nil {
		return err
	}
	c.Conn, c.alive, c.checked, c.timed, c.op.fresh = made, liveness(made), true, false, true
	c.replies = replies{line: c.replies.line[:0]}
	return nil
}

// dialInTime dials within the time of the operation.
func (c *conn) dialInTime() (net.Conn, error) {
	ctx, cancel := context.WithDeadline(context.Background(), c.op.times.deadline)
	defer cancel()
	c.op.setDial(cancel)
	return c.dialer(ctx)
}

// Write checks, once per operation, whether the server has closed the connection while it was idle. Nothing has been
// sent then, so any operation can continue on a new connection. If the first write times out because this process stood
// still, it is repeated with the whole time; see times.go.
func (c *conn) Write(p []byte) (int, error) {
	if !c.checked {
		c.checked = true
		if !c.alive() {
			_ = c.Close()
			if err := c.connect(); err != nil {
				return 0, err
			}
			if err := c.SetDeadline(time.Time{}); err != nil {
				return 0, err
			}
		}
	}
	n, err := c.Conn.Write(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.op.times.beginAgain() {
		if err := c.op.setConn(c.Conn, c.op.times.firstLook()); err != nil {
			return 0, err
		}
		n, err = c.Conn.Write(p)
	}
	return n, c.explain(err)
}

// Read returns what the server says, unless it announces a value that is too long.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if wrong := c.replies.check(p[:n]); wrong != nil {
		return 0, wrong
	}
	return n, err
}

// read reads once more if its time is up, because this process may have stood still; see times.go.
func (c *conn) read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.op.times.lookAgain() {
		if err := c.op.setConn(c.Conn, c.op.times.deadline); err != nil {
			return 0, err
		}
		return c.Conn.Read(p)
	}
	return n, err
}

// explain returns the reason why the server has closed a connection while it was being written to. A server that has
// too many connections says so and closes before it reads anything.
func (c *conn) explain(err error) error {
	if !hungUp(err) {
		return err
	}
	said := make([]byte, 100)
	n, _ := c.Conn.Read(said)
	if why := refusal(string(said[:n])); why != nil {
		return why
	}
	return err
}

// SetDeadline sets the deadline of the operation, once, and ignores its argument: gomemcache extends the deadline with
// every item that it reads.
func (c *conn) SetDeadline(time.Time) error {
	if c.timed {
		return nil
	}
	c.timed = true
	return c.op.setConn(c.Conn, c.op.times.firstLook())
}
