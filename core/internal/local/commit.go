package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Create begins a session that no node has yet; node is the id of the node that it will be read from. The token must be
// new. Create returns ErrFull and replica.ErrTooLarge.
//
// With Config.Sync, or once Close has begun, it stores the session before it returns, and returns the error of that
// write, too. With Config.Sync and no node available the session lives in memory alone until a node is back.
func (st *Store) Create(ctx context.Context, token, node string, first *record.Record) (*Session, error) {
	s, err := st.create(token, node, first)
	if err != nil {
		return nil, err
	}
	if err := st.persist(ctx, s, 1); err != nil {
		st.drop(s)
		return nil, err
	}
	return s, nil
}

// drop takes a session out of memory that could not be stored, and whose token nobody knows.
func (st *Store) drop(s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.abandon(s)
	st.leave(s)
}

// create is Create without the write.
func (st *Store) create(token, node string, first *record.Record) (*Session, error) {
	size, err := st.check(first)
	if err != nil {
		return nil, err
	}
	blank := *first
	blank.Attributes = nil
	s := st.session(token, node, &blank)
	s.short = st.Replica.Open(token, node).Short() // another instance may end the session before it is stored
	s.current = first
	s.size.Store(size)
	s.state.Store(dirty)
	s.changes = 1
	s.pending.add(difference(&blank, first, func() {}))
	if err := st.insert(s); err != nil {
		return nil, err
	}
	st.pendingChanges.Add(1)
	return s, nil
}

// Commit applies the changes of a request and returns the session's new state. base is the record that the request saw,
// work is what the request made of it, and redo makes the same changes to another record. redo may run after the
// request is over, so it must be plain data and must not call functions of the application.
//
// ErrLeft says that the session has left memory: load it again and commit there. An error leaves memory as it was,
// except once Close has begun: memory may then have a change that could not be stored.
//
// The changes reach the nodes within 100 ms. While the nodes cannot keep up, Commit waits (back-pressure). With
// Config.Sync, Commit is CommitNow.
func (st *Store) Commit(ctx context.Context, s *Session, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	if st.Sync {
		return st.CommitNow(ctx, s, base, work, redo)
	}
	if err := st.relieve(ctx, s); err != nil {
		return nil, err
	}
	next, number, err := st.apply(s, base, work, redo)
	if err != nil || number == 0 {
		return next, err
	}
	return next, st.persist(ctx, s, number)
}

// relieve waits while the nodes cannot keep up. It also saves the session if its list of pending changes is full.
func (st *Store) relieve(ctx context.Context, s *Session) error {
	st.queue.waitWhileLate(ctx)
	s.mu.Lock()
	full := s.pending.changes >= maxChanges
	s.mu.Unlock()
	if !full || !st.Replica.Available() {
		return nil
	}
	s.beginSaving(ctx)
	defer s.endSaving()
	err := st.save(ctx, s)
	if errors.Is(err, replica.ErrNoSession) || errors.Is(err, ErrLeft) {
		return ErrLeft
	}
	return nil // remember folds what could not be stored
}

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

// persist has a change stored: now with Config.Sync and once Close has begun, otherwise by the write-behind (rule L9).
func (st *Store) persist(ctx context.Context, s *Session, number uint64) error {
	if !st.Sync && !st.closing.Load() {
		st.queue.soon(s)
		return nil
	}
	s.beginSaving(ctx)
	defer s.endSaving()
	return st.saveNow(ctx, s, number)
}

// saveNow saves the session unless the change of that number is stored already. The caller has begun saving. It returns
// nil if no node is available and memory keeps the change; see stranded.
func (st *Store) saveNow(ctx context.Context, s *Session, number uint64) error {
	if s.isSaved(number) {
		return nil
	}
	err := st.save(ctx, s)
	if st.stranded(err) {
		return nil
	}
	return err
}

// stranded reports whether a write failed because no node is available, so that memory keeps the change until one is.
// It is false once Close has begun, because memory is about to end.
func (st *Store) stranded(err error) bool {
	return errors.Is(err, replica.ErrUnavailable) && st.alone()
}

// alone reports whether memory has to do without nodes: none is available, and Close has not begun.
func (st *Store) alone() bool { return !st.Replica.Available() && !st.closing.Load() }

// isSaved reports whether the change of that number is stored.
func (s *Session) isSaved(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved >= number
}
