package memcache

import (
	"context"
	"net"
	"sync"
	"time"
)

// operation is the one that a pooled connection serves at present: its times, and how to cancel it.
type operation struct {
	times times
	fresh bool // the connection was made for this operation

	mu        sync.Mutex // guards the fields below, which cancel needs
	cancelled bool
	dial      context.CancelFunc // ends the dial in progress; nil: there was none
	conn      net.Conn           // the connection that is used; nil: there was none
}

// reserve begins an operation, which can be cancelled from now on.
func (o *operation) reserve() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancelled = false
}

// start starts the operation's time.
func (o *operation) start(ctx context.Context, timeout time.Duration) {
	o.times, o.fresh = newTimes(ctx, timeout), false
}

// cancel ends the operation, wherever it is, as if its time were up.
func (o *operation) cancel() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancelled = true
	if o.dial != nil {
		o.dial()
	}
	if o.conn != nil {
		_ = o.conn.SetDeadline(past)
	}
}

var past = time.Unix(1, 0)

// wasCancelled reports whether cancel was called.
func (o *operation) wasCancelled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cancelled
}

// setDial tells cancel how to end the dial that begins.
func (o *operation) setDial(end context.CancelFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dial = end
	if o.cancelled {
		end()
	}
}

// setConn sets the connection that the operation uses, and its deadline.
func (o *operation) setConn(c net.Conn, deadline time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.conn = c
	if o.cancelled {
		return c.SetDeadline(past)
	}
	return c.SetDeadline(deadline)
}
