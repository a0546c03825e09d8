package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Create begins a session that no node has yet. The token must be new. It answers ErrFull, ErrTooLarge, and with
// Config.Sync what the write answers.
func (st *Store) Create(ctx context.Context, token, node string, first *record.Record) (*Session, error) {
	s, err := st.create(token, node, first)
	if err != nil {
		return nil, err
	}
	if err := s.persist(ctx, 1); err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}

// drop takes a session out of memory that could not be stored, and whose token nobody knows.
func (s *Session) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandon()
	s.leave()
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
	s.short = st.Replica.Open(token, node).Short() // already, for a logout elsewhere may come before it is stored
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

// Commit applies a request's changes: base is what the request saw and work what it made of it; redo makes the same
// changes to another record, also when the request is over, so it must be data and call nothing of the application's. It
// returns what the session is now. ErrLeft: load the session again and commit there. Any error leaves memory as it was.
//
// The changes are on the nodes at most 100 ms later; while the nodes cannot keep up Commit waits. With Config.Sync it is
// CommitNow.
func (s *Session) Commit(ctx context.Context, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	if s.store.Sync {
		return s.CommitNow(ctx, base, work, redo)
	}
	if err := s.relieve(ctx); err != nil {
		return nil, err
	}
	next, number, err := s.apply(base, work, redo)
	if err != nil || number == 0 {
		return next, err
	}
	return next, s.persist(ctx, number)
}

// relieve waits while the nodes are behind, and keeps the list of pending changes short.
func (s *Session) relieve(ctx context.Context) error {
	st := s.store
	st.queue.waitWhileLate(ctx)
	s.mu.Lock()
	full := s.pending.changes >= maxChanges
	s.mu.Unlock()
	if !full || !st.Replica.Available() {
		return nil
	}
	s.beginSaving()
	defer s.endSaving()
	err := s.save(ctx)
	if errors.Is(err, replica.ErrNoSession) || errors.Is(err, ErrLeft) {
		return ErrLeft
	}
	return nil // what could not be stored is folded
}

// apply makes the changes in memory, and numbers them; 0 if nothing is to be stored.
func (s *Session) apply(base, work *record.Record, redo replica.Change) (*record.Record, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := work
	if s.current != base {
		next = s.current.Draft()
		if err := redo(next); err != nil {
			return nil, 0, err
		}
	}
	size, err := s.store.check(next)
	if err != nil {
		return nil, 0, err
	}
	if sameValues(s.store.storable(s.current), s.store.storable(next)) {
		return s.keepHere(next), 0, nil
	}
	if !s.markDirty() {
		return nil, 0, ErrLeft
	}
	if err := s.grow(size); err != nil {
		return nil, 0, err
	}
	s.current = next
	s.remember(redo)
	s.schedule()
	return next, s.changes, nil
}

// keepHere takes values that differ, if at all, in attributes that are never stored.
func (s *Session) keepHere(next *record.Record) *record.Record {
	if s.store.Stays != nil {
		s.current = next
	}
	return s.current
}

// remember adds to the pending changes, or replaces them by the difference that they make.
func (s *Session) remember(redo replica.Change) {
	s.changes++
	s.store.pendingChanges.Add(1)
	s.pending.add(redo)
	limit := maxChanges
	if !s.store.Replica.Available() {
		limit = maxStrandedChange
	}
	if s.pending.changes > limit || len(s.pending.batches) > maxBatches {
		s.pending.fold(difference(s.stored, s.current, s.store.clash))
	}
}

func (st *Store) clash() {
	st.clashes.Add(1)
	st.Log.Event(context.Background(), slog.LevelWarn, "two instances changed one attribute while no node was available; the later value stands", "")
}

// check answers what a session needs, and refuses one that is too large before anything is done about it.
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

// grow accounts for the session's new size.
func (s *Session) grow(size int64) error {
	if err := s.store.admit(0, size-s.size.Load()); err != nil {
		if s.pending.requests == 0 && !s.saving {
			s.state.CompareAndSwap(dirty, clean)
		}
		return err
	}
	s.size.Store(size)
	if s.state.Load() == left { // it ended this moment
		s.store.release(s)
		return ErrLeft
	}
	return nil
}

// persist sees to it that a change gets stored: now, or soon.
func (s *Session) persist(ctx context.Context, number uint64) error {
	if !s.store.Sync && !s.store.closing.Load() {
		s.store.queue.soon(s)
		return nil
	}
	s.beginSaving()
	defer s.endSaving()
	return s.saveNow(ctx, number)
}

// saveNow stores the change of that number, if it is not, for who has begun saving.
func (s *Session) saveNow(ctx context.Context, number uint64) error {
	if s.isSaved(number) {
		return nil
	}
	err := s.save(ctx)
	if s.stranded(err) {
		return nil
	}
	return err
}

// stranded reports whether a write failed because there is no node: memory is all there is then, unless it is about to end.
func (s *Session) stranded(err error) bool {
	return errors.Is(err, replica.ErrUnavailable) && s.store.alone()
}

// alone reports whether memory has to do without nodes.
func (st *Store) alone() bool { return !st.Replica.Available() && !st.closing.Load() }

func (s *Session) isSaved(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saved >= number
}
