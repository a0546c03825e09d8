package memcache

import (
	"container/list"
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
	MaxItem  int // bytes of one item with its key; zero: 1 MiB, as in memcached
	MaxBytes int // bytes of all items; beyond that the least recently used ones are evicted; zero: 64 MiB, as in memcached
}

// Memory is a node within this process. It behaves like a memcached server: TTLs, CAS tokens, a limit on item size,
// eviction. It is safe for concurrent use.
type Memory struct {
	options MemoryOptions

	mu     sync.Mutex
	items  map[string]*list.Element // of *memoryItem
	recent *list.List               // most recently used first
	bytes  int
	tokens uint64
}

type memoryItem struct {
	key string
	Item
	expires time.Time // zero: never
}

// NewMemory returns an empty node.
func NewMemory(o MemoryOptions) *Memory {
	if o.MaxItem == 0 {
		o.MaxItem = maxItem
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = maxBytes
	}
	return &Memory{options: o, items: make(map[string]*list.Element), recent: list.New()}
}

// Get implements Client.
func (m *Memory) Get(ctx context.Context, key string) (Item, error) {
	if err := usable(ctx, key); err != nil {
		return Item{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	it, ok := m.find(key)
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
	m.mu.Lock()
	defer m.mu.Unlock()
	old, there := m.find(key)
	switch {
	case !there:
		return ErrMiss
	case old.size()+len(more) > m.options.MaxItem:
		return ErrTooLarge
	}
	longer := *old
	longer.Item = old.copy()
	longer.Value = append(longer.Value, more...)
	m.tokens++
	longer.Token = m.tokens
	m.put(&longer)
	return nil
}

// Keys implements Client.
func (m *Memory) Keys(ctx context.Context, prefix string, found func(key string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for key, e := range m.items {
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
	c.tokens, c.bytes = m.tokens, m.bytes
	for e := m.recent.Front(); e != nil; e = e.Next() {
		copied := *e.Value.(*memoryItem)
		c.items[copied.key] = c.recent.PushBack(&copied) // the bytes of its value can be shared: they are never changed
	}
	return c
}

func (m *Memory) write(ctx context.Context, key string, item Item, ttl time.Duration, check func(old *memoryItem, there bool) error) error {
	if err := usable(ctx, key); err != nil {
		return err
	}
	if len(key)+len(item.Value)+itemOverhead > m.options.MaxItem {
		return ErrTooLarge
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := check(m.find(key)); err != nil {
		return err
	}
	m.tokens++
	item.Token = m.tokens
	stored := &memoryItem{key: strings.Clone(key), Item: item}
	stored.Item = stored.copy()
	if ttl != 0 {
		stored.expires = time.Now().Add(ttl)
	}
	m.put(stored)
	return nil
}

// find returns a live item, and drops an expired one. The caller holds mu.
func (m *Memory) find(key string) (*memoryItem, bool) {
	e, ok := m.items[key]
	if !ok {
		return nil, false
	}
	it := e.Value.(*memoryItem)
	if it.dead(time.Now()) {
		m.drop(e)
		return nil, false
	}
	m.recent.MoveToFront(e)
	return it, true
}

func (m *Memory) put(it *memoryItem) {
	if e, there := m.items[it.key]; there {
		m.drop(e)
	}
	m.items[it.key] = m.recent.PushFront(it)
	m.bytes += it.size()
	for m.bytes > m.options.MaxBytes {
		m.drop(m.recent.Back())
	}
	m.sweep()
}

// sweep drops expired items among the least recently used ones. It looks at two of them, so that items leave that
// nobody asks for.
func (m *Memory) sweep() {
	now := time.Now()
	for e, n := m.recent.Back(), 0; e != nil && n < 2; n++ {
		before := e.Prev()
		if e.Value.(*memoryItem).dead(now) {
			m.drop(e)
		}
		e = before
	}
}

func (m *Memory) drop(e *list.Element) {
	it := m.recent.Remove(e).(*memoryItem)
	delete(m.items, it.key)
	m.bytes -= it.size()
}

func (i *memoryItem) dead(now time.Time) bool { return !i.expires.IsZero() && !now.Before(i.expires) }

func (i *memoryItem) size() int { return len(i.key) + len(i.Value) + itemOverhead }

func (i *memoryItem) copy() Item {
	c := i.Item
	c.Value = append([]byte(nil), i.Value...)
	return c
}
