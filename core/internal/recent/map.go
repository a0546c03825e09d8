// Package recent remembers something about the keys that were used last, in bounded memory. What is forgotten may only
// cost work, never correctness.
package recent

import (
	"iter"
	"sync"
)

// Map keeps a value for each of the keys that were used last. There are two generations: when the young one is full, it
// becomes the old one, and the former old one is dropped. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	limit int // keys in each generation
	own   func(K) K

	mu         sync.Mutex
	young, old map[K]V
}

// NewMap returns an empty map, which keeps the last limit keys, and up to twice as many. own returns a copy of a key that
// is part of something larger, such as a request, which the map would keep in memory with it; nil: keys are kept as they
// are.
func NewMap[K comparable, V any](limit int, own func(K) K) *Map[K, V] {
	return &Map[K, V]{limit: limit, own: own, young: make(map[K]V)}
}

// Get returns the key's value. It is the zero value if there is none.
func (m *Map[K, V]) Get(key K) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, _ := m.get(key)
	return value
}

// Has reports whether the key has a value.
func (m *Map[K, V]) Has(key K) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.get(key)
	return known
}

// Put sets the key's value.
func (m *Map[K, V]) Put(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, value)
}

// Update sets the key's value to what f returns for the present one, or for the zero value if there is none. If f returns
// false, nothing changes. f must not use the map.
func (m *Map[K, V]) Update(key K, f func(V) (V, bool)) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, _ := m.get(key)
	if value, changed = f(value); changed {
		m.put(key, value)
	}
	return changed
}

// All returns the keys and their values, in no order. The loop must not use the map.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for key, value := range m.young {
			if !yield(key, value) {
				return
			}
		}
		for key, value := range m.old {
			if _, younger := m.young[key]; !younger && !yield(key, value) {
				return
			}
		}
	}
}

// get returns the key's value, and whether it has one. The caller holds mu.
func (m *Map[K, V]) get(key K) (V, bool) {
	if value, known := m.young[key]; known {
		return value, true
	}
	value, known := m.old[key]
	return value, known
}

// put sets the key's value. The caller holds mu.
func (m *Map[K, V]) put(key K, value V) {
	if _, known := m.young[key]; known {
		m.young[key] = value // the map keeps its own copy of the key
		return
	}
	if len(m.young) >= m.limit {
		m.young, m.old = make(map[K]V), m.young
	}
	if m.own != nil {
		key = m.own(key)
	}
	m.young[key] = value
}
