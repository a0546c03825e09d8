package local

import (
	"context"
	"fmt"
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
	if sameValues(st.storable(s.current), st.storable(next)) {
		return st.keepHere(s, next), 0, nil
	}
	if !s.markDirty() {
		return nil, 0, ErrLeft
	}
	if err := st.grow(s, size); err != nil {
		return nil, 0, err
	}
	s.current = next
	st.remember(s, redo)
	st.schedule(s)
	return next, s.changes, nil
}

// keepHere takes over values that differ, if at all, only in attributes that are never stored.
func (st *Store) keepHere(s *Session, next *record.Record) *record.Record {
	if st.Stays != nil {
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
	if !st.Replica.Available() {
		limit = maxStrandedChange
	}
	if s.pending.changes > limit || len(s.pending.batches) > maxBatches {
		s.pending.fold(difference(s.stored, s.current, st.clash))
	}
}

// clash counts and logs that a change of another instance was overwritten; see difference.
func (st *Store) clash() {
	st.clashes.Add(1)
	st.Log.Event(context.Background(), slog.LevelWarn, "two instances changed one attribute while no node was available; the later value stands", "")
}

// check returns how many bytes of memory the session needs. It returns replica.ErrTooLarge if the session exceeds
// Config.MaxSize as it would be stored.
func (st *Store) check(rec *record.Record) (held int64, err error) {
	size := rec.Size()
	held = int64(size) + overhead
	if bare := st.storable(rec); bare != rec {
		size = bare.Size()
	}
	if st.MaxSize > 0 && size > st.MaxSize {
		return 0, fmt.Errorf("%w: %d bytes encoded, the limit is %d", replica.ErrTooLarge, size, st.MaxSize)
	}
	return held, nil
}

// grow accounts for the session's new size. It returns ErrFull if there is no room, and ErrLeft if the session has left
// meanwhile.
func (st *Store) grow(s *Session, size int64) error {
	if err := st.admit(0, size-s.size.Load()); err != nil {
		if s.pending.requests == 0 && !s.saving {
			s.state.CompareAndSwap(dirty, clean)
		}
		return err
	}
	s.size.Store(size)
	if s.state.Load() == left { // it ended at this moment
		st.release(s)
		return ErrLeft
	}
	return nil
}
