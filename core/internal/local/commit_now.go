package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// CommitNow is Commit for changes that only their request can make, because they call functions of the application. It
// writes the session in the request's own goroutine, and memory gets the changes once they are on the nodes. redo runs
// before CommitNow returns, or never. With no node available memory alone has the changes until a node is back.
func (st *Store) CommitNow(ctx context.Context, s *Session, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	if err := s.beginSaving(ctx, st.Wait); err != nil {
		return nil, err
	}
	defer s.endSaving()
	for {
		stored, written, err := st.tryNow(ctx, s, base, work, redo)
		if !written || !errors.Is(err, replica.ErrTooLarge) || !st.makesRoom(ctx, s) {
			return stored, err
		}
	}
}

// makesRoom is called when the caller's change and the pending ones are too large together. It stores the pending ones
// without the caller's or, if that fails as well, gives up the largest of them (see shedLargest). It reports whether it
// could do either.
func (st *Store) makesRoom(ctx context.Context, s *Session) bool {
	before := s.waitingChanges()
	return before > 0 && (st.save(ctx, s) == nil || s.waitingChanges() < before)
}

// tryNow is one attempt of CommitNow. The caller has begun saving. written reports whether it came to a write, so that
// the nodes decided about the outcome.
func (st *Store) tryNow(ctx context.Context, s *Session, base, work *record.Record, redo replica.Change) (stored *record.Record, written bool, err error) {
	if st.alone() {
		stored, err = st.commitInMemory(s, base, work, redo)
		return stored, false, err
	}
	w, err := st.beginOwn(s, base, work, redo)
	if err != nil || w == nil {
		return s.now(), false, err
	}
	over := false
	defer func() {
		if !over { // redo has panicked, and the pending changes still have to be stored
			st.saveSoon(s)
		}
	}()
	rec, err := w.run(ctx)
	over = true
	if err = st.finish(w, rec, err); st.stranded(err) {
		stored, err = st.adopt(w)
		return stored, true, err
	}
	return s.now(), true, err
}

// beginOwn returns the write of what is in memory and of the caller's own changes, nil if there is nothing to write.
// The caller has begun saving.
func (st *Store) beginOwn(s *Session, base, work *record.Record, redo replica.Change) (*write, error) {
	for {
		from, to, err := s.compute(base, work, redo)
		if err != nil {
			return nil, err
		}
		if w, clash, err := st.newOwnWrite(s, from, to, redo); !clash {
			return w, err
		}
	}
}

// compute makes the changes to what is in memory. It holds no lock, because redo may call the application, so others
// may change memory meanwhile.
func (s *Session) compute(base, work *record.Record, redo replica.Change) (from, to *record.Record, err error) {
	if from = s.now(); from == base {
		return from, work, nil
	}
	to = from.Draft()
	return from, to, redo(to)
}

// newOwnWrite is newWrite for the caller's own changes, which made to of from. clash reports that others have changed
// the same attributes meanwhile: compute the changes again.
func (st *Store) newOwnWrite(s *Session, from, to *record.Record, redo replica.Change) (w *write, clash bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != from {
		next := s.current.Draft()
		if _ = diff(from, to, func() { clash = true })(next); clash { // a difference returns no error
			return nil, true, nil
		}
		to = next
	}
	size, err := st.check(to)
	if err != nil {
		return nil, false, err
	}
	if len(s.pending.batches) == 0 && sameValues(st.withoutMemoryOnly(s.current), st.withoutMemoryOnly(to)) {
		st.applyMemoryOnly(s, to)
		return nil, false, nil
	}
	growth := max(0, size-s.size.Load())
	if err := st.cache.admit(s, 0, growth); err != nil {
		return nil, false, err
	}
	st.cache.bytes.Add(-growth) // resize adds it when the write ends
	if w = st.newWrite(s, false, redo, to); w == nil {
		return nil, false, ErrRemoved
	}
	return w, false, nil
}

// commitInMemory makes the changes in memory alone, as a difference of values, so that redo is not called again later.
func (st *Store) commitInMemory(s *Session, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	from, to, err := s.compute(base, work, redo)
	if err != nil {
		return nil, err
	}
	next, number, err := st.apply(s, nil, nil, diff(from, to, st.clash))
	if err == nil && number > 0 {
		st.queue.scheduleDefault(s)
	}
	return next, err
}

// adopt keeps in memory what a write could not store because no node is available any more. The change joins the batch
// of that write: if a node has stored the write after all, it has this change, too.
func (st *Store) adopt(w *write) (*record.Record, error) {
	s := w.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.is(removed) {
		return nil, ErrRemoved
	}
	change := diff(w.memory, w.state, st.clash)
	next := s.current.Draft()
	_ = change(next) // a difference returns no error
	s.current = next
	s.changes++
	st.pendingChanges.Add(1)
	s.pending.addTo(w.request, change)
	st.cache.resize(s, sizeOf(s.current))
	st.updateClocks(s)
	return next, nil
}
