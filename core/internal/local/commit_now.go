package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// CommitNow is Commit for changes that nobody but their request can make again, for they call functions of the application.
// The session is written in the request's own goroutine, and memory gets the changes when they are on the nodes: redo runs
// before CommitNow returns, or never. With no node available the session lives on in memory until one is.
func (s *Session) CommitNow(ctx context.Context, base, work *record.Record, redo replica.Change) (*record.Record, error) {
	s.beginSaving()
	defer s.endSaving()
	for {
		stored, written, err := s.tryNow(ctx, base, work, redo)
		if !written || !errors.Is(err, replica.ErrTooLarge) || !s.makesRoom(ctx) {
			return stored, err
		}
	}
}

// makesRoom stores what others have set, or gives up the largest change of that, and reports whether anything has come of it.
func (s *Session) makesRoom(ctx context.Context) bool {
	before := s.waitingChanges()
	return before > 0 && (s.save(ctx) == nil || s.waitingChanges() < before)
}

func (s *Session) waitingChanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.changes
}

// tryNow is CommitNow for who has begun saving. written: it was for the nodes to decide.
func (s *Session) tryNow(ctx context.Context, base, work *record.Record, redo replica.Change) (stored *record.Record, written bool, err error) {
	if s.store.alone() {
		stored, err = s.commitHere(base, work, redo)
		return stored, false, err
	}
	w, err := s.beginOwn(base, work, redo)
	if err != nil || w == nil {
		return s.now(), false, err
	}
	over := false
	defer func() {
		if !over { // redo has panicked
			s.saveSoon()
		}
	}()
	rec, err := w.run(ctx)
	over = true
	if err = s.end(w, rec, err); s.stranded(err) {
		stored, err = s.adopt(w)
		return stored, true, err
	}
	return s.now(), true, err
}

func (s *Session) now() *record.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// beginOwn takes what is to be written with the caller's own changes; nil if that is nothing. The caller has begun saving.
func (s *Session) beginOwn(base, work *record.Record, redo replica.Change) (*write, error) {
	for {
		from, to, err := s.compute(base, work, redo)
		if err != nil {
			return nil, err
		}
		if w, clash, err := s.takeOwn(from, to, redo); !clash {
			return w, err
		}
	}
}

// compute makes the changes to what is in memory, while others may change that.
func (s *Session) compute(base, work *record.Record, redo replica.Change) (from, to *record.Record, err error) {
	if from = s.now(); from == base {
		return from, work, nil
	}
	to = from.Draft()
	return from, to, redo(to)
}

// takeOwn is take for changes that have made to of from. Where others have changed the same attributes meanwhile, they clash.
func (s *Session) takeOwn(from, to *record.Record, redo replica.Change) (w *write, clash bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != from {
		next := s.current.Draft()
		if _ = difference(from, to, func() { clash = true })(next); clash { // which cannot fail
			return nil, true, nil
		}
		to = next
	}
	size, err := s.store.check(to)
	if err != nil {
		return nil, false, err
	}
	if len(s.pending.batches) == 0 && sameValues(s.store.storable(s.current), s.store.storable(to)) {
		s.keepHere(to)
		return nil, false, nil
	}
	growth := max(0, size-s.size.Load())
	if err := s.store.admit(0, growth); err != nil {
		return nil, false, err
	}
	s.store.bytes.Add(-growth) // account does it in the end
	if w = s.take(false, redo, to); w == nil {
		return nil, false, ErrLeft
	}
	return w, false, nil
}

// commitHere makes the changes in memory alone, as values: their functions are not called again.
func (s *Session) commitHere(base, work *record.Record, redo replica.Change) (*record.Record, error) {
	from, to, err := s.compute(base, work, redo)
	if err != nil {
		return nil, err
	}
	next, number, err := s.apply(nil, nil, difference(from, to, s.store.clash))
	if err == nil && number > 0 {
		s.store.queue.soon(s)
	}
	return next, err
}

// adopt takes into memory what a write could not store, because there is no node any more. It belongs to the batch of that
// write: should a node have it after all, it has those changes.
func (s *Session) adopt(w *write) (*record.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() == left {
		return nil, ErrLeft
	}
	change := difference(w.memory, w.state, s.store.clash)
	next := s.current.Draft()
	_ = change(next) // cannot fail
	s.current = next
	s.changes++
	s.store.pendingChanges.Add(1)
	s.pending.addTo(w.request, change)
	s.account()
	s.schedule()
	return next, nil
}
