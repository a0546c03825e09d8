package local

import "container/heap"

// sessionHeap is a heap of sessions: the first one by before is known at any time. place returns where a session keeps
// its place in the heap, from 1; 0: it is not in the heap.
type sessionHeap struct {
	list   []*Session
	before func(a, b *Session) bool
	place  func(s *Session) *int
}

func (p *sessionHeap) first() *Session {
	if len(p.list) == 0 {
		return nil
	}
	return p.list[0]
}

func (p *sessionHeap) add(s *Session) { heap.Push(p, s) }

func (p *sessionHeap) moved(s *Session) { heap.Fix(p, *p.place(s)-1) }

func (p *sessionHeap) remove(s *Session) { heap.Remove(p, *p.place(s)-1) }

// Len, Less and Swap implement heap.Interface.
func (p *sessionHeap) Len() int { return len(p.list) }

func (p *sessionHeap) Less(i, j int) bool { return p.before(p.list[i], p.list[j]) }

func (p *sessionHeap) Swap(i, j int) {
	p.list[i], p.list[j] = p.list[j], p.list[i]
	*p.place(p.list[i]), *p.place(p.list[j]) = i+1, j+1
}

// Push implements heap.Interface.
func (p *sessionHeap) Push(x any) {
	s := x.(*Session)
	p.list = append(p.list, s)
	*p.place(s) = len(p.list)
}

// Pop implements heap.Interface.
func (p *sessionHeap) Pop() any {
	last := len(p.list) - 1
	s := p.list[last]
	p.list[last] = nil
	p.list = p.list[:last]
	*p.place(s) = 0
	return s
}
