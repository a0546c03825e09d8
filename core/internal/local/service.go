package local

import (
	"context"
	"time"
)

// New returns a store and starts its goroutines. The caller must Close it.
func New(c Config) *Store {
	if c.RefillRate == 0 {
		c.RefillRate = 2000
	}
	st := &Store{Config: c, queue: newQueue(), posts: make(chan post, noticeQueue)}
	st.heard.Store(time.Now().UnixNano())
	for i := range st.shards {
		st.shards[i].sessions = make(map[string]*Session)
		st.shards[i].looks = pile{
			before: func(a, b *Session) bool { return a.lookAt < b.lookAt },
			place:  func(s *Session) *int { return &s.lookPlace },
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	st.stop = stop
	work := make(chan *Session)
	st.done.Go(func() { st.dispatch(ctx, work) })
	for range workers {
		st.done.Go(func() { st.work(work, func() {}) })
	}
	st.done.Go(func() { st.sweep(ctx) })
	if c.RefillRate > 0 {
		st.done.Go(func() { st.repair(ctx) })
	}
	st.done.Go(func() { st.notify(ctx) })
	return st
}
