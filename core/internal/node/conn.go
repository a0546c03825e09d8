package node

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

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
	made, err := c.dial()
	if err != nil && c.slot.times.beginAgain() {
		made, err = c.dial()
	}
	if err != nil {
		return err
	}
	c.Conn, c.alive, c.checked, c.timed, c.slot.fresh = made, liveness(made), true, false, true
	return nil
}

func (c *conn) dial() (net.Conn, error) {
	ctx, cancel := context.WithDeadline(context.Background(), c.slot.times.deadline)
	defer cancel()
	c.slot.dials(cancel)
	return c.slot.dialer(ctx, c.slot.addr.network, c.slot.addr.where)
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
			if err := c.SetDeadline(time.Time{}); err != nil {
				return 0, err
			}
		}
	}
	n, err := c.Conn.Write(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.slot.times.beginAgain() {
		if err := c.slot.waits(c.Conn, c.slot.times.firstLook()); err != nil {
			return 0, err
		}
		n, err = c.Conn.Write(p)
	}
	return n, c.explain(err)
}

// Read looks twice at what the server says.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.slot.times.lookAgain() {
		if err := c.slot.waits(c.Conn, c.slot.times.deadline); err != nil {
			return 0, err
		}
		return c.Conn.Read(p)
	}
	return n, err
}

// explain finds why the server has closed a connection that was written to: one that has too many says so and hangs up
// before it is asked.
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

// SetDeadline: gomemcache extends its deadline with every item that it reads. The operation's stays, and is set once.
func (c *conn) SetDeadline(time.Time) error {
	if c.timed {
		return nil
	}
	c.timed = true
	return c.slot.waits(c.Conn, c.slot.times.firstLook())
}
