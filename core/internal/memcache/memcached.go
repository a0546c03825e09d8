package memcache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	gomemcache "github.com/bradfitz/gomemcache/memcache"

	"github.com/gomsm/msm/core/internal/random"
)

// ClientOptions configure a client of a memcached server.
type ClientOptions struct {
	Timeout  time.Duration // of one operation as a whole, including the dial; zero: 250ms
	MaxConns int           // connections at a time; zero: 64. An operation that finds none free waits, see Memcached
	// DialContext connects to the server; nil: that of a net.Dialer. The network is "tcp" or "unix".
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	Random      *random.Source // for simulations, in which no two operations may begin at the same moment; otherwise nil
}

// Memcached is a client of one memcached server. It is safe for concurrent use.
//
// gomemcache implements the protocol. Each gomemcache client has one connection and serves one operation at a time;
// that is a slot. So an operation has one deadline as a whole, and a connection that died while it was idle is replaced
// before anything is sent on it.
//
// An operation that finds no slot free waits in a FIFO queue. A slow server makes it wait long, but is not in trouble,
// so it keeps waiting while the server answers others, up to 10 times Timeout; then it returns ErrBusy. The wait ends
// early when the node is given up, refuses a connection or closes a fresh one, or when an operation times out and no
// other has been answered since it began.
type Memcached struct {
	options ClientOptions
	addr    address
	limit   chan struct{} // holds one entry for each slot in use

	mu       sync.Mutex
	closed   bool
	slots    []*slot       // all of them
	free     []*slot       // in the order of their last use; the last one is used first, so that few connections are idle
	tidies   *time.Timer   // closes slots that stay idle; nil: none is idle
	waiters  chan struct{} // closed to end all waits for a slot
	answered time.Time     // when the server answered last
}

// NewMemcached returns a client of the server at host:port, [ipv6]:port or the path of a unix socket. It connects when
// it is first used, and resolves a host name with every connect.
func NewMemcached(addr string, o ClientOptions) *Memcached {
	if o.Timeout == 0 {
		o.Timeout = 250 * time.Millisecond
	}
	if o.MaxConns == 0 {
		o.MaxConns = 64
	}
	if o.DialContext == nil {
		o.DialContext = (&net.Dialer{}).DialContext
	}
	o.DialContext = namesLookUp(o.DialContext, o.Timeout)
	m := &Memcached{options: o, addr: address{"tcp", addr}, limit: make(chan struct{}, o.MaxConns), waiters: make(chan struct{})}
	if strings.HasPrefix(addr, "/") {
		m.addr.network = "unix"
	}
	return m
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// namesLookUp wraps dial so that its error says if the time went by while the host name was looked up. The server is
// not to blame then, and gomemcache's error does not name the reason.
func namesLookUp(dial dialer, timeout time.Duration) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		var lookUp *net.DNSError
		if end, ok := ctx.Deadline(); errors.As(err, &lookUp) && lookUp.IsTimeout && ok && !time.Now().Before(end) {
			err = fmt.Errorf("looking up %s took longer than OpTimeout (%v): %w", lookUp.Name, timeout, err)
		}
		return conn, err
	}
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

// read runs an operation in a slot. If the connection turns out to be dead, it repeats the operation on a new one
// within the time that is left, which is safe for a read (rule N8).
func (m *Memcached) read(ctx context.Context, op func(*gomemcache.Client) error) error {
	return m.run(ctx, func(s *slot) error {
		err := op(s.client)
		if s.lost(err) {
			s.drop()
			err = op(s.client)
		}
		return err
	})
}

// do runs an operation in a slot, once.
func (m *Memcached) do(ctx context.Context, op func(*gomemcache.Client) error) error {
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
	s.begin(ctx, m.options.Timeout)
	err = classify(op(s))
	answered := err == nil || IsReply(err)
	if !answered {
		err = m.failure(ctx, s, err)
	}
	m.release(s, answered)
	return err
}

// failure returns the error of an operation that got no answer. It ends the waits for a slot if the node may have
// failed.
func (m *Memcached) failure(ctx context.Context, s *slot, err error) error {
	lost, over := s.lost(err), !time.Now().Before(s.times.deadline)
	s.drop()
	switch {
	case s.times.ctxFirst && over:
		<-ctx.Done() // the request's time is up, not the node's; the context's timer may fire a moment later
		return ctx.Err()
	case s.wasCut():
		return ErrGivenUp
	case s.times.tooLate():
		return fmt.Errorf("%w: %w", ErrLate, err)
	case lost:
		return fmt.Errorf("connection lost: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	silent := over && !m.answered.After(s.times.began)
	if silent || hungUp(err) || errors.Is(err, syscall.ECONNREFUSED) {
		m.letGo()
	}
	return err
}
