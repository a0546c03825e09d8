package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/gomsm/msm/core/internal/random"
)

// ClientOptions say how to speak with a memcached server.
type ClientOptions struct {
	Timeout  time.Duration // of one operation as a whole, dial included; zero: 100ms
	MaxConns int           // connections at a time; zero: 64. Who finds none free waits, 5/4 of Timeout at most
	// DialContext connects; nil: a net.Dialer. The network is "tcp" or "unix".
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	Random      *random.Source // of a simulation, in which no two operations begin at one moment; nil otherwise
}

// Memcached is a client of one memcached server. It is safe for concurrent use.
//
// gomemcache speaks the protocol. What it leaves open is closed around it: each of its clients has one connection and
// serves one operation at a time (a slot), so that an operation can have one deadline as a whole, and a connection that
// died while it was idle is noticed before anything is sent on it.
type Memcached struct {
	options ClientOptions
	addr    address
	limit   chan struct{} // one entry for each slot in use

	mu     sync.Mutex
	closed bool
	slots  []*slot       // all of them
	free   []*slot       // used last first, so that idle connections stay few
	hung   chan struct{} // closed when an operation fails, so that who waits for a slot does not wait a timeout more
}

// NewMemcached makes a client of the server at host:port, [ipv6]:port or the path of a unix socket. It connects when it
// is used, and resolves a host name each time it connects.
func NewMemcached(addr string, o ClientOptions) *Memcached {
	if o.Timeout == 0 {
		o.Timeout = 100 * time.Millisecond
	}
	if o.MaxConns == 0 {
		o.MaxConns = 64
	}
	if o.DialContext == nil {
		o.DialContext = (&net.Dialer{}).DialContext
	}
	m := &Memcached{options: o, addr: address{"tcp", addr}, limit: make(chan struct{}, o.MaxConns), hung: make(chan struct{})}
	if strings.HasPrefix(addr, "/") {
		m.addr.network = "unix"
	}
	return m
}

// Get implements Client.
func (m *Memcached) Get(ctx context.Context, key string) (item Item, err error) {
	err = m.read(ctx, func(c *memcache.Client) error {
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
	err = m.read(ctx, func(c *memcache.Client) error {
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
	return m.do(ctx, func(c *memcache.Client) error { return c.Add(outgoing(key, item, ttl)) })
}

// CompareAndSwap implements Client.
func (m *Memcached) CompareAndSwap(ctx context.Context, key string, item Item, ttl time.Duration) error {
	return m.do(ctx, func(c *memcache.Client) error { return c.CompareAndSwap(outgoing(key, item, ttl)) })
}

// Append implements Client.
func (m *Memcached) Append(ctx context.Context, key string, more []byte) error {
	err := m.do(ctx, func(c *memcache.Client) error { return c.Append(&memcache.Item{Key: key, Value: more}) })
	if errors.Is(err, ErrExists) { // what memcached says is that nothing was stored
		return ErrMiss
	}
	return err
}

func outgoing(key string, item Item, ttl time.Duration) *memcache.Item {
	return &memcache.Item{Key: key, Value: item.Value, Flags: item.Flags, CasID: item.Token, Expiration: seconds(ttl, time.Now())}
}

// errDesync: an answer to another question. The connection is not used again.
var errDesync = errors.New("the answer is about another key")

// read runs one operation in a slot, and once more on a new connection, in the time that is left, if the one that was
// used turned out to be dead: a read may be repeated.
func (m *Memcached) read(ctx context.Context, op func(*memcache.Client) error) error {
	return m.run(ctx, func(s *slot) error {
		err := op(s.client)
		if s.lost(err) {
			s.drop()
			err = op(s.client)
		}
		return err
	})
}

// do runs one operation in a slot.
func (m *Memcached) do(ctx context.Context, op func(*memcache.Client) error) error {
	return m.run(ctx, func(s *slot) error { return op(s.client) })
}

func (m *Memcached) run(ctx context.Context, op func(*slot) error) error {
	m.options.Random.Pause(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := m.acquire(ctx)
	if err != nil {
		return err
	}
	ctxFirst := s.begin(ctx, m.options.Timeout)
	err = classify(op(s))
	if err != nil && !answer(err) {
		err = m.failure(ctx, s, err, ctxFirst)
	}
	m.release(s)
	return err
}

// failure ends an operation that got no answer.
func (m *Memcached) failure(ctx context.Context, s *slot, err error, ctxFirst bool) error {
	lost, late := s.lost(err), !time.Now().Before(s.deadline)
	s.drop()
	switch {
	case ctxFirst && late:
		<-ctx.Done() // the request's time is up, not the node's; its timer may be a moment late
		return ctx.Err()
	case s.wasCut():
		return errHung
	case lost:
		return fmt.Errorf("connection lost: %w", err)
	}
	m.giveUp(late)
	return err
}

// giveUp lets go of those who wait for a slot, and if the node hangs, of those who wait for an answer, too: it is not
// available any more, so none of them should wait a timeout of its own.
func (m *Memcached) giveUp(hangs bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.hung)
	m.hung = make(chan struct{})
	if !hangs {
		return
	}
	for _, s := range m.slots {
		if s.busy {
			s.cut()
		}
	}
}

var errHung = errors.New("another operation on the node failed while this one waited")

func (m *Memcached) acquire(ctx context.Context) (*slot, error) {
	select {
	case m.limit <- struct{}{}:
	default:
		if err := m.wait(ctx); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var s *slot
	if n := len(m.free); n > 0 {
		s, m.free = m.free[n-1], m.free[:n-1]
	} else {
		s = newSlot(m)
		m.slots = append(m.slots, s)
	}
	s.take()
	return s, nil
}

func (m *Memcached) wait(ctx context.Context) error {
	m.mu.Lock()
	hung := m.hung
	m.mu.Unlock()
	// Longer than an operation can take: if the node hangs, hung is closed first.
	timer := time.NewTimer(m.options.Timeout * 5 / 4)
	defer timer.Stop()
	select {
	case m.limit <- struct{}{}:
		return nil
	case <-hung:
		return errHung
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Memcached) release(s *slot) {
	m.mu.Lock()
	s.busy = false
	if m.closed {
		s.drop()
	} else {
		m.free = append(m.free, s)
	}
	m.mu.Unlock()
	<-m.limit
}

// Close closes the idle connections, and each of the others when the operation that uses it has ended.
func (m *Memcached) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.free {
		s.drop()
	}
	m.free, m.closed = nil, true
	return nil
}

// classify turns gomemcache's errors into ours. Most of them have no type.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, memcache.ErrCacheMiss):
		return ErrMiss
	case errors.Is(err, memcache.ErrNotStored):
		return ErrExists
	case errors.Is(err, memcache.ErrCASConflict):
		return ErrConflict
	case errors.Is(err, memcache.ErrMalformedKey):
		return errKey
	case strings.Contains(err.Error(), "SERVER_ERROR object too large"):
		return ErrTooLarge
	}
	return err
}
