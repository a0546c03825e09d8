package memcache

import (
	"container/list"
	"time"
)

// freshShare is the part of the memory that items keep which nobody has asked for again: an eighth.
const freshShare = 8

// items are what an in-memory node has. If they take more bytes than they may, some are evicted: first those that nobody
// has asked for since they were added, the oldest first, as long as these have more than an eighth of the memory; then the
// least recently used ones. So a flood of sessions that are never used again drives out no visitor. It is not safe for
// concurrent use.
type items struct {
	most  int
	bytes int
	byKey map[string]*list.Element // of *memoryItem
	asked generation               // asked for, or changed, since they were added
	fresh generation               // the others
}

// generation is a list of items, most recently used first.
type generation struct {
	list  *list.List
	bytes int
}

type memoryItem struct {
	key string
	Item
	expires time.Time // zero: never
	fresh   bool      // it is among the fresh ones
}

func newItems(most int) *items {
	return &items{most: most, byKey: make(map[string]*list.Element), asked: generation{list: list.New()}, fresh: generation{list: list.New()}}
}

// find returns a live item, for someone who asks for it, and drops an expired one.
func (s *items) find(key string) (*memoryItem, bool) {
	e, ok := s.byKey[key]
	if !ok {
		return nil, false
	}
	it := e.Value.(*memoryItem)
	if it.dead(time.Now()) {
		s.drop(e)
		return nil, false
	}
	if it.fresh {
		s.drop(e)
		it.fresh = false
		s.add(it)
	} else {
		s.asked.list.MoveToFront(e)
	}
	return it, true
}

// put stores an item, in place of one with its key. It returns how many living items were evicted for it.
func (s *items) put(it *memoryItem) (evicted int) {
	e, there := s.byKey[it.key]
	if there {
		s.drop(e)
	}
	it.fresh = !there
	s.add(it)
	now := time.Now()
	for s.bytes > s.most {
		e := s.next()
		if !e.Value.(*memoryItem).dead(now) {
			evicted++
		}
		s.drop(e)
	}
	s.sweep(s.asked.list, now)
	s.sweep(s.fresh.list, now)
	return evicted
}

// next returns the item that is evicted next.
func (s *items) next() *list.Element {
	if e := s.fresh.list.Back(); e != nil && (s.fresh.bytes > s.most/freshShare || s.asked.list.Len() == 0) {
		return e
	}
	return s.asked.list.Back()
}

// sweep drops expired items among the least recently used ones of a list. It looks at two of them, so that items leave
// that nobody asks for.
func (s *items) sweep(l *list.List, now time.Time) {
	for e, n := l.Back(), 0; e != nil && n < 2; n++ {
		before := e.Prev()
		if e.Value.(*memoryItem).dead(now) {
			s.drop(e)
		}
		e = before
	}
}

func (s *items) generation(it *memoryItem) *generation {
	if it.fresh {
		return &s.fresh
	}
	return &s.asked
}

func (s *items) add(it *memoryItem) {
	g := s.generation(it)
	s.byKey[it.key] = g.list.PushFront(it)
	s.bytes += it.size()
	g.bytes += it.size()
}

func (s *items) drop(e *list.Element) {
	it := e.Value.(*memoryItem)
	g := s.generation(it)
	g.list.Remove(e)
	delete(s.byKey, it.key)
	s.bytes -= it.size()
	g.bytes -= it.size()
}

// clone returns items of its own, with the same values, whose bytes are never changed.
func (s *items) clone() *items {
	c := newItems(s.most)
	for _, g := range []*generation{&s.asked, &s.fresh} {
		for e := g.list.Back(); e != nil; e = e.Prev() {
			copied := *e.Value.(*memoryItem)
			c.add(&copied)
		}
	}
	return c
}

func (i *memoryItem) dead(now time.Time) bool { return !i.expires.IsZero() && !now.Before(i.expires) }

func (i *memoryItem) size() int { return len(i.key) + len(i.Value) + itemOverhead }

func (i *memoryItem) copy() Item {
	c := i.Item
	c.Value = append([]byte(nil), i.Value...)
	return c
}
