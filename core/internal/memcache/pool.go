package memcache

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"syscall"
	"time"
)

// waitMost is how long an operation waits for a connection at most, in timeouts. A visitor has lost patience by then,
// and a queue of that length grows faster than it is served.
const waitMost = 10

// idleFor is how long an unused connection stays open. The one used last is used first, so those that only a burst
// needed are idle from then on. A server has few connections (memcached -c), and bursts of other instances need them.
const idleFor = time.Minute

// pool has the connections to a server. It is safe for concurrent use.
type pool struct {
	addr    *address
	dialer  dialer
	timeout time.Duration // of an operation
	limit   chan struct{} // holds one entry for each connection in use

	mu       sync.Mutex
	closed   bool
	conns    []*pooledConn // all of them
	free     []*pooledConn // in the order of their last use; the last one is used first, so that few are idle
	tidies   *time.Timer   // closes connections that stay idle; nil: none is idle
	waits    chan struct{} // closed to end all waits for a connection
	answered time.Time     // when the server answered last
}

func newPool(addr *address, dial dialer, o ClientOptions) *pool {
	return &pool{addr: addr, dialer: dial, timeout: o.Timeout, limit: make(chan struct{}, o.MaxConns), waits: make(chan struct{})}
}

// acquire takes a connection for an operation, and waits until one is free.
func (p *pool) acquire(ctx context.Context) (*pooledConn, error) {
	select {
	case p.limit <- struct{}{}:
	default:
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var c *pooledConn
	if n := len(p.free); n > 0 {
		c, p.free = p.free[n-1], p.free[:n-1]
	} else {
		c = newPooledConn(p.addr, p.dialer, p.timeout)
		p.conns = append(p.conns, c)
	}
	c.busy = true
	c.op.reserve()
	return c, nil
}

// wait waits for room for another connection, in FIFO order, as senders on a channel do (rule N7).
func (p *pool) wait(ctx context.Context) error {
	p.mu.Lock()
	cancelled := p.waits
	p.mu.Unlock()
	timer := time.NewTimer(waitMost * min(p.timeout, math.MaxInt64/waitMost))
	defer timer.Stop()
	select {
	case p.limit <- struct{}{}:
		return nil
	case <-cancelled:
		return ErrCancelled
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives a connection back when its operation has ended.
func (p *pool) release(c *pooledConn, answered bool) {
	p.mu.Lock()
	c.busy, c.idle = false, time.Now()
	if answered {
		p.answered = c.idle
	}
	if p.closed {
		c.drop()
	} else {
		p.keep(c)
	}
	p.mu.Unlock()
	<-p.limit
}

// keep adds a connection to the idle ones. One timer serves all: the first one has been idle for longest. The caller
// holds mu.
func (p *pool) keep(c *pooledConn) {
	p.free = append(p.free, c)
	if p.tidies == nil {
		p.tidies = time.AfterFunc(idleFor, p.tidy)
	}
}

// tidy closes connections that have been idle for too long, and runs again when the next one will have been.
func (p *pool) tidy() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tidies = nil
	for len(p.free) > 0 {
		left := idleFor - time.Since(p.free[0].idle)
		if left > 0 {
			p.tidies = time.AfterFunc(left, p.tidy)
			return
		}
		c := p.free[0]
		c.drop()
		p.free = slices.Delete(p.free, 0, 1)
		p.conns = slices.DeleteFunc(p.conns, func(other *pooledConn) bool { return other == c })
	}
}

// failed takes note of an operation that got no answer since it began. All waits for a connection end if the server may
// have failed: it refused a connection, closed one, or was silent towards all while the operation ran out of time.
func (p *pool) failed(began time.Time, outOfTime bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	silent := outOfTime && !p.answered.After(began)
	if silent || hungUp(err) || errors.Is(err, syscall.ECONNREFUSED) {
		p.cancelWaits()
	}
}

// cancelWaits ends all waits for a connection. The caller holds mu.
func (p *pool) cancelWaits() {
	close(p.waits)
	p.waits = make(chan struct{})
}

// cancelAll ends all operations and waits (rule N6). It closes the idle connections too: when the server is back they
// may date from before its restart, and not every connection shows that.
func (p *pool) cancelAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelWaits()
	p.dropIdle()
	for _, c := range p.conns {
		c.op.cancel()
	}
}

// dropIdle closes all idle connections. The caller holds mu.
func (p *pool) dropIdle() {
	for _, c := range p.free {
		c.drop()
	}
	p.free, p.conns = nil, slices.DeleteFunc(p.conns, func(c *pooledConn) bool { return !c.busy })
}

// close closes the idle connections at once, and each of the others when its operation has ended.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropIdle()
	if p.tidies != nil {
		p.tidies.Stop()
	}
	p.closed = true
}
