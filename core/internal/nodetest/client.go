package nodetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
)

// Client is one user's access to a server. It implements memcache.Client.
type Client struct {
	failing
	name   string
	server *Server
}

// Client returns a client of the server for the user with that name.
func (s *Server) Client(name string) *Client { return &Client{name: name, server: s} }

// Node returns a node that reaches the server through the given client.
func (s *Server) Node(c *Client, o node.Options) *node.Node { return node.New(s.id, s.id, c, o) }

// send passes an operation through the client's fault, and then through the server's. What happens on the server does
// not depend on ctx any more.
func (c *Client) send(ctx context.Context, kind Kind, key string, do func(context.Context, *memcache.Memory) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	op := Op{c.name, kind, key}
	return c.meet(ctx, op, func() error {
		return c.server.receive(ctx, op, func(m *memcache.Memory) error { return do(context.WithoutCancel(ctx), m) })
	})
}

// Get implements memcache.Client.
func (c *Client) Get(ctx context.Context, key string) (memcache.Item, error) {
	var got memcache.Item
	err := c.send(ctx, Get, key, func(ctx context.Context, m *memcache.Memory) (err error) {
		got, err = m.Get(ctx, key)
		return err
	})
	switch {
	case errors.Is(err, ErrDamaged):
		return c.server.damaged(got), nil
	case err != nil: // an operation that arrives late may still write to got
		return memcache.Item{}, err
	}
	return got, nil
}

// GetMulti implements memcache.Client.
func (c *Client) GetMulti(ctx context.Context, keys ...string) (map[string]memcache.Item, error) {
	var got map[string]memcache.Item
	err := c.send(ctx, Get, keys[0], func(ctx context.Context, m *memcache.Memory) (err error) {
		got, err = m.GetMulti(ctx, keys...)
		return err
	})
	switch {
	case errors.Is(err, ErrDamaged):
		for key, item := range got {
			got[key] = c.server.damaged(item)
		}
	case err != nil:
		return nil, err
	}
	return got, nil
}

// Add implements memcache.Client.
func (c *Client) Add(ctx context.Context, key string, item memcache.Item, ttl time.Duration) error {
	return c.send(ctx, Add, key, func(ctx context.Context, m *memcache.Memory) error { return m.Add(ctx, key, item, ttl) })
}

// CompareAndSwap implements memcache.Client.
func (c *Client) CompareAndSwap(ctx context.Context, key string, item memcache.Item, ttl time.Duration) error {
	return c.send(ctx, CompareAndSwap, key, func(ctx context.Context, m *memcache.Memory) error {
		return m.CompareAndSwap(ctx, key, item, ttl)
	})
}

// Append implements memcache.Client.
func (c *Client) Append(ctx context.Context, key string, more []byte) error {
	return c.send(ctx, Append, key, func(ctx context.Context, m *memcache.Memory) error { return m.Append(ctx, key, more) })
}

// Keys implements memcache.Client. It sorts the keys, so that a simulation replays exactly.
func (c *Client) Keys(ctx context.Context, prefix string, found func(key string)) error {
	var list []string
	err := c.send(ctx, List, prefix, func(ctx context.Context, m *memcache.Memory) error {
		return m.Keys(ctx, prefix, func(key string) { list = append(list, key) })
	})
	if err != nil {
		return err
	}
	slices.Sort(list)
	for _, key := range list {
		found(key)
	}
	return nil
}

// CancelAll implements memcache.Client. It does nothing: an operation ends when its fault ends.
func (c *Client) CancelAll() {}

// Close implements memcache.Client.
func (c *Client) Close() error { return nil }
