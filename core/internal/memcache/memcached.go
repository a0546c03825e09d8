package memcache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	gomemcache "github.com/bradfitz/gomemcache/memcache"
)

// Memcached is a client of one memcached server. It is safe for concurrent use.
//
// gomemcache implements the protocol. Each gomemcache client has one connection and serves one operation at a time;
// that is a pooledConn. So an operation has one deadline as a whole, and a connection that died while it was idle is
// replaced before anything is sent on it.
//
// An operation that finds no connection free waits in a FIFO queue. A slow server makes it wait long, but is not in
// trouble, so it keeps waiting while the server answers others, up to 10 times Timeout; then it returns ErrBusy. The
// wait ends early when CancelAll is called, when the server refuses a connection or closes a fresh one, or when an
// operation times out and no other has been answered since it began.
type Memcached struct {
	options ClientOptions
	dialer  dialer
	pool    *pool
}

// NewMemcached returns a client of the server at host:port, [ipv6]:port or the path of a unix socket. It connects when
// it is first used, and resolves a host name with every connect.
func NewMemcached(addr string, o ClientOptions) *Memcached {
	o = o.withDefaults()
	to := newAddress(addr)
	dial := newDialer(to, o)
	return &Memcached{options: o, dialer: dial, pool: newPool(to, dial, o)}
}

// Get implements Client.
func (m *Memcached) Get(ctx context.Context, key string) (item Item, err error) {
	err = m.read(ctx, func(c *gomemcache.Client) error {
		got, err := c.Get(key)
		if err != nil {
			return err
		}
		if got.Key != key {
			return errDesync
		}
		item = Item{Value: got.Value, Flags: got.Flags, Token: got.CasID}
		return nil
	})
	return item, err
}

// GetMulti implements Client.
func (m *Memcached) GetMulti(ctx context.Context, keys ...string) (items map[string]Item, err error) {
	err = m.read(ctx, func(c *gomemcache.Client) error {
		got, err := c.GetMulti(keys)
		if err != nil {
			return err
		}
		items = make(map[string]Item, len(got))
		for key, it := range got {
			if !slices.Contains(keys, key) {
				return errDesync
			}
			items[key] = Item{Value: it.Value, Flags: it.Flags, Token: it.CasID}
		}
		return nil
	})
	return items, err
}

// Add implements Client.
func (m *Memcached) Add(ctx context.Context, key string, item Item, ttl time.Duration) error {
	return m.do(ctx, func(c *gomemcache.Client) error { return c.Add(outgoing(key, item, ttl)) })
}

// CompareAndSwap implements Client.
func (m *Memcached) CompareAndSwap(ctx context.Context, key string, item Item, ttl time.Duration) error {
	return m.do(ctx, func(c *gomemcache.Client) error { return c.CompareAndSwap(outgoing(key, item, ttl)) })
}

// Append implements Client.
func (m *Memcached) Append(ctx context.Context, key string, more []byte) error {
	err := m.do(ctx, func(c *gomemcache.Client) error { return c.Append(&gomemcache.Item{Key: key, Value: more}) })
	if errors.Is(err, ErrExists) { // memcached says that nothing was stored, which here means that the key is absent
		return ErrMiss
	}
	return err
}

func outgoing(key string, item Item, ttl time.Duration) *gomemcache.Item {
	return &gomemcache.Item{Key: key, Value: item.Value, Flags: item.Flags, CasID: item.Token, Expiration: seconds(ttl, time.Now())}
}

// errDesync means that the answer belongs to another question. The connection is not used again.
var errDesync = errors.New("the answer is about another key")

// read runs an operation on a connection. If the connection turns out to be dead, it repeats the operation on a new one
// within the time that is left, which is safe for a read (rule N8).
func (m *Memcached) read(ctx context.Context, op func(*gomemcache.Client) error) error {
	return m.run(ctx, func(c *pooledConn) error {
		err := op(c.client)
		if c.lost(err) {
			c.drop()
			err = op(c.client)
		}
		return err
	})
}

// do runs an operation on a connection, once.
func (m *Memcached) do(ctx context.Context, op func(*gomemcache.Client) error) error {
	return m.run(ctx, func(c *pooledConn) error { return op(c.client) })
}

func (m *Memcached) run(ctx context.Context, op func(*pooledConn) error) error {
	m.options.Random.Pause(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := m.pool.acquire(ctx)
	if err != nil {
		return err
	}
	c.begin(ctx, m.options.Timeout)
	err = convert(op(c))
	answered := err == nil || IsReply(err)
	if !answered {
		err = m.failure(ctx, c, err)
	}
	m.pool.release(c, answered)
	return err
}

// failure returns the error of an operation that got no answer, and closes its connection (rule N8).
func (m *Memcached) failure(ctx context.Context, c *pooledConn, err error) error {
	lost, over := c.lost(err), !time.Now().Before(c.op.times.deadline)
	c.drop()
	switch {
	case c.op.times.ctxFirst && over:
		<-ctx.Done() // the request's time is up, not the node's; the context's timer may fire a moment later
		return ctx.Err()
	case c.op.wasCancelled():
		return ErrCancelled
	case c.op.times.tooLate():
		return fmt.Errorf("%w: %w", ErrLate, err)
	case lost:
		return fmt.Errorf("connection lost: %w", err)
	}
	m.pool.failed(c.op.times.began, over, err)
	return err
}

// CancelAll implements Client.
func (m *Memcached) CancelAll() { m.pool.cancelAll() }

// Close closes the idle connections at once, and each of the others when its operation has ended.
func (m *Memcached) Close() error {
	m.pool.close()
	return nil
}
