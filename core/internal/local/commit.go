package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Commit applies the changes of a request and returns the session's new state. base is the record that the request saw,
// work is what the request made of it, and redo makes the same changes to another record. redo may run after the
// request is over, so it must be plain data and must not call functions of the application.
//
// ErrRemoved says that the session has left memory: load it again and commit there. An error leaves memory as it was,
// except once Close has begun: memory may then have a change that could not be stored.
//
// The changes reach the nodes within 100 ms. While the nodes cannot keep up, Commit waits (back-pressure). With
// Config.Sync, Commit is CommitNow.
func (st *Store) Commit(ctx context.Context, s *Session, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	if st.Sync {
		return st.CommitNow(ctx, s, base, work, redo)
	}
	if err := st.backPressure(ctx, s); err != nil {
		return nil, err
	}
	next, number, err := st.apply(s, base, work, redo)
	if err != nil || number == 0 {
		return next, err
	}
	return next, st.persist(ctx, s, number)
}

// backPressure waits while the nodes cannot keep up. It also saves the session if its list of pending changes is full.
func (st *Store) backPressure(ctx context.Context, s *Session) error {
	st.queue.waitForEase(ctx, st.queue.lane(s))
	s.mu.Lock()
	full := s.pending.changes >= maxChanges
	s.mu.Unlock()
	if !full || !st.Replica.Cluster.Available() {
		return nil
	}
	if err := s.beginSaving(ctx, st.Wait); err != nil {
		return err
	}
	defer s.endSaving()
	err := st.save(ctx, s)
	if errors.Is(err, replica.ErrNoSession) || errors.Is(err, ErrRemoved) {
		return ErrRemoved
	}
	return nil // remember compacts what could not be stored
}
