package local

import (
	"context"
	"log/slog"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// apply makes the changes in memory. It returns the new state and the number of the change, 0 if nothing is to be
// stored.
func (st *Store) apply(s *Session, base, work *record.Record, redo replica.Change) (*record.Record, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := work
	if s.current != base {
		next = s.current.Draft()
		if err := redo(next); err != nil {
			return nil, 0, err
		}
	}
	size, err := st.check(next)
	if err != nil {
		return nil, 0, err
	}
	if sameValues(st.withoutMemoryOnly(s.current), st.withoutMemoryOnly(next)) {
		return st.applyMemoryOnly(s, next), 0, nil
	}
	wasClean := s.state.is(clean)
	if !s.state.markDirty() {
		return nil, 0, ErrRemoved
	}
	if err := st.cache.grow(s, size); err != nil {
		if wasClean {
			s.state.change(dirty, clean)
		}
		return nil, 0, err
	}
	s.current = next
	st.remember(s, redo)
	st.updateClocks(s)
	return next, s.changes, nil
}

// applyMemoryOnly takes over values that differ, if at all, only in attributes that are never stored.
func (st *Store) applyMemoryOnly(s *Session, next *record.Record) *record.Record {
	if st.MemoryOnly != nil {
		s.current = next
	}
	return s.current
}

// remember adds to the pending changes. If these are too many, it replaces all of them by the difference of values that
// they make (rule L11).
func (st *Store) remember(s *Session, redo replica.Change) {
	s.changes++
	st.pendingChanges.Add(1)
	s.pending.add(redo)
	limit := maxChanges
	if !st.Replica.Cluster.Available() {
		limit = maxStrandedChange
	}
	if s.pending.changes > limit || len(s.pending.batches) > maxBatches {
		s.pending.compact(diff(s.stored, s.current, st.clash))
	}
}

// clash counts and logs that a change of another instance was overwritten; see diff.
func (st *Store) clash() {
	st.Overwrites.Add(1)
	st.Log.Event(context.Background(), slog.LevelWarn, "two instances changed one attribute while no node was available; the later value stands", "")
}
