package local

import "context"

// New returns a store and starts its background work. The caller must Close it.
func New(c Config) *Store {
	st := newStore(c)
	st.start()
	return st
}

// start starts the background work: all that the store does without a request.
func (st *Store) start() {
	ctx, stop := context.WithCancel(context.Background())
	st.stop = stop
	due := make(chan *Session)
	st.done.Go(func() { st.dispatch(ctx, due) })
	for range workers {
		st.done.Go(func() { st.work(due, func() {}) })
	}
	st.done.Go(func() { st.cache.sweep(ctx) })
	if st.RefillRate > 0 {
		st.done.Go(func() { st.repair(ctx) })
	}
	st.done.Go(func() { st.outbox.run(ctx) })
}

// halt ends all of it, and waits for the writes that have begun.
func (st *Store) halt() {
	st.stop()
	st.done.Wait()
}
