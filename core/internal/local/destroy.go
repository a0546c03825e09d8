package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Destroy ends the session for good, on its nodes and in memory. It returns replica.ErrNoSession if the session had
// ended before. On another error the session lives on as it is: a logout that only this instance knew of would be none.
// ErrRemoved: load the session again and destroy that.
func (st *Store) Destroy(ctx context.Context, s *Session) error {
	if err := s.beginSaving(ctx, st.Wait); err != nil {
		return err
	}
	defer s.endSaving()
	return st.destroy(ctx, s)
}

// destroy is Destroy for a caller that has begun saving.
func (st *Store) destroy(ctx context.Context, s *Session) error {
	w := st.begin(s, false)
	if w == nil {
		return ErrRemoved
	}
	var err error
	if !w.create {
		err = w.access.Destroy(ctx, func(last *record.Record) error {
			w.former = last.Route
			return nil
		})
	}
	if err != nil && !errors.Is(err, replica.ErrNoSession) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.discard(s, w.former)
	return err
}

// discard takes a session that has ended out of memory, with the changes that were not stored, and tells other instances
// that may have it: the one that serves it, of which this instance may not have heard yet (empty: none), and once more
// the one that it was taken over from. Guarded by s.mu.
func (st *Store) discard(s *Session, serves string) {
	st.outbox.tell(s, ended, serves, s.owner.previous)
	st.dropPending(s)
	st.cache.remove(s)
}
