package local

import "container/heap"

// pile is a heap of sessions: the first one by before is known at any time. place returns where a session keeps its
// place in the heap, from 1; 0: it is not in the heap.
type pile struct {
	list   []*Session
	before func(a, b *Session) bool
	place  func(s *Session) *int
}

func (p *pile) first() *Session {
	if len(p.list) == 0 {
		return nil
	}
	return p.list[0]
}

func (p *pile) add(s *Session) { heap.Push(p, s) }

func (p *pile) moved(s *Session) { heap.Fix(p, *p.place(s)-1) }

func (p *pile) remove(s *Session) { heap.Remove(p, *p.place(s)-1) }

// Len, Less and Swap implement heap.Interface.
func (p *pile) Len() int { return len(p.list) }

func (p *pile) Less(i, j int) bool { return p.before(p.list[i], p.list[j]) }

func (p *pile) Swap(i, j int) {
	p.list[i], p.list[j] = p.list[j], p.list[i]
	*p.place(p.list[i]), *p.place(p.list[j]) = i+1, j+1
}

// Push implements heap.Interface.
func (p *pile) Push(x any) {
	s := x.(*Session)
	p.list = append(p.list, s)
	*p.place(s) = len(p.list)
}

// Pop implements heap.Interface.
func (p *pile) Pop() any {
	last := len(p.list) - 1
	s := p.list[last]
	p.list[last] = nil
	p.list = p.list[:last]
	*p.place(s) = 0
	return s
}
