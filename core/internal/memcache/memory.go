package memcache

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// Memcached's defaults.
const (
	maxItem      = 1 << 20 // its option -I
	maxBytes     = 64 << 20
	itemOverhead = 60 // header, CAS token and line end of an item, besides its key
)

// MemoryOptions limit an in-memory node.
type MemoryOptions struct {
	MaxItem  int    // bytes of one item with its key; zero: 1 MiB, as in memcached
	MaxBytes int    // bytes of all items; beyond that some are evicted, see items; zero: 64 MiB, as in memcached
	Evicted  func() // is called for each item that was evicted, and had not expired; nil: nobody has to know
}

// Memory is a node within this process. It behaves like a memcached server: TTLs, CAS tokens, a limit on item size,
// eviction. It is safe for concurrent use.
type Memory struct {
	options MemoryOptions

	mu     sync.Mutex
	items  *items
	tokens uint64
}

// NewMemory returns an empty node.
func NewMemory(o MemoryOptions) *Memory {
	if o.MaxItem == 0 {
		o.MaxItem = maxItem
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = maxBytes
	}
	if o.Evicted == nil {
		o.Evicted = func() {}
	}
	return &Memory{options: o, items: newItems(o.MaxBytes)}
}

// Get implements Client.
func (m *Memory) Get(ctx context.Context, key string) (Item, error) {
	if err := usable(ctx, key); err != nil {
		return Item{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.items.find(key)
	if !ok {
		return Item{}, ErrMiss
	}
	return it.copy(), nil
}

// GetMulti implements Client.
func (m *Memory) GetMulti(ctx context.Context, keys ...string) (map[string]Item, error) {
	found := make(map[string]Item, len(keys))
	for _, key := range keys {
		item, err := m.Get(ctx, key)
		switch {
		case err == nil:
			found[key] = item
		case !errors.Is(err, ErrMiss):
			return nil, err
		}
	}
	return found, nil
}

// Add implements Client.
func (m *Memory) Add(ctx context.Context, key string, item Item, ttl time.Duration) error {
	return m.write(ctx, key, item, ttl, func(_ *memoryItem, there bool) error {
		if there {
			return ErrExists
		}
		return nil
	})
}

// CompareAndSwap implements Client.
func (m *Memory) CompareAndSwap(ctx context.Context, key string, item Item, ttl time.Duration) error {
	return m.write(ctx, key, item, ttl, func(old *memoryItem, there bool) error {
		switch {
		case !there:
			return ErrMiss
		case old.Token != item.Token:
			return ErrConflict
		}
		return nil
	})
}

// Append implements Client.
func (m *Memory) Append(ctx context.Context, key string, more []byte) error {
	if err := usable(ctx, key); err != nil {
		return err
	}
	return m.change(func() (evicted int, err error) {
		old, there := m.items.find(key)
		switch {
		case !there:
			return 0, ErrMiss
		case old.size()+len(more) > m.options.MaxItem:
			return 0, ErrTooLarge
		}
		longer := *old
		longer.Item = old.copy()
		longer.Value = append(longer.Value, more...)
		m.tokens++
		longer.Token = m.tokens
		return m.items.put(&longer), nil
	})
}

// Keys implements Client.
func (m *Memory) Keys(ctx context.Context, prefix string, found func(key string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for key, e := range m.items.byKey {
		if strings.HasPrefix(key, prefix) && !e.Value.(*memoryItem).dead(now) {
			found(key)
		}
	}
	return nil
}

// Close implements Client.
func (m *Memory) Close() error { return nil }

// CancelAll implements Client. It does nothing, since no operation waits.
func (m *Memory) CancelAll() {}

// Clone returns a node that has what this one has at the moment, with the same CAS tokens.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemory(m.options)
	c.tokens, c.items = m.tokens, m.items.clone()
	return c
}

// change calls do, which changes the items, and then says how many were evicted.
func (m *Memory) change(do func() (evicted int, err error)) error {
	m.mu.Lock()
	evicted, err := do()
	m.mu.Unlock()
	for range evicted {
		m.options.Evicted()
	}
	return err
}

func (m *Memory) write(ctx context.Context, key string, item Item, ttl time.Duration, check func(old *memoryItem, there bool) error) error {
	if err := usable(ctx, key); err != nil {
		return err
	}
	if len(key)+len(item.Value)+itemOverhead > m.options.MaxItem {
		return ErrTooLarge
	}
	return m.change(func() (evicted int, err error) {
		if err := check(m.items.find(key)); err != nil {
			return 0, err
		}
		m.tokens++
		item.Token = m.tokens
		stored := &memoryItem{key: strings.Clone(key), Item: item}
		stored.Item = stored.copy()
		if ttl != 0 {
			stored.expires = time.Now().Add(ttl)
		}
		return m.items.put(stored), nil
	})
}
