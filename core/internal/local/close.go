package local

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

// Close ends the background work, stores what is not stored yet, and returns how many sessions still have changes that
// no node has. It tries until ctx ends. If ctx has no deadline, it also gives up when nothing could be stored for
// Config.Patience, because a node may never come back (rule L15).
func (st *Store) Close(ctx context.Context) (left int) {
	st.closing.Store(true) // from here on requests store their changes themselves
	st.halt()
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	stored := func() {}
	if _, limited := ctx.Deadline(); !limited {
		timer := time.AfterFunc(st.Patience, giveUp)
		defer timer.Stop()
		stored = func() { timer.Reset(st.Patience) }
	}
	for unsaved := st.unsaved(); len(unsaved) > 0; unsaved = st.unsaved() {
		if ctx.Err() != nil {
			return len(unsaved)
		}
		st.saveAll(ctx, unsaved, stored)
		if len(st.unsaved()) > 0 {
			_ = pace.Sleep(ctx, retryMin)
		}
	}
	st.saveAll(ctx, st.dirty(), stored) // the rest has no changes: store when it was used last, if that is possible
	return 0
}

// saveAll saves the sessions until ctx ends, and calls stored after each one that could be saved.
func (st *Store) saveAll(ctx context.Context, sessions []*Session, stored func()) {
	work := make(chan *Session)
	var done sync.WaitGroup
	for range min(workers, len(sessions)) {
		done.Go(func() { st.work(work, stored) })
	}
	defer done.Wait()
	defer close(work)
	for _, s := range sessions {
		select {
		case work <- s:
		case <-ctx.Done():
			return
		}
	}
}

// unsaved returns the sessions with changes that no node is known to have.
func (st *Store) unsaved() []*Session {
	return slices.DeleteFunc(st.dirty(), func(s *Session) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.pending.requests == 0
	})
}

// dirty returns the sessions of which something is to be stored, even if that is only their last use.
func (st *Store) dirty() (list []*Session) {
	for s := range st.cache.all() {
		if s.state.is(dirty) {
			list = append(list, s)
		}
	}
	return list
}
