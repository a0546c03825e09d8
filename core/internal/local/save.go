package local

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// save writes what is not stored. The caller has begun saving. A write that fails is tried again later, unless the
// session is gone.
func (st *Store) save(ctx context.Context, s *Session) error {
	return st.run(ctx, st.begin(s, false))
}

// run runs a write, and takes the outcome into memory.
func (st *Store) run(ctx context.Context, w *write) error {
	if w == nil {
		return ErrRemoved
	}
	rec, err := w.run(ctx)
	return st.finish(w, rec, err)
}

// begin returns the write of what is in memory, nil if the session has left.
func (st *Store) begin(s *Session, takeover bool) *write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.newWrite(s, takeover, nil, s.current)
}

// newWrite is begin with own, a change of the caller's that makes state of what is in memory; nil: none. Guarded by
// s.mu.
func (st *Store) newWrite(s *Session, takeover bool, own replica.Change, state *record.Record) *write {
	if s.state.is(removed) {
		st.dropPending(s)
		return nil
	}
	w := &write{store: st, session: s, create: s.unknown(), takeover: takeover, snapshot: snapshot{
		base: s.stored, memory: s.current, own: own, state: state, number: s.changes, used: time.Unix(0, s.used.Load()),
	}}
	w.access = st.Replica.Open(s.token, s.node)
	w.request = w.access.Request()
	switch {
	case takeover:
		w.access.Outrank(s.stored)
	case !w.create: // otherwise no node has lost anything that memory would have to restore
		w.access.Hold(w.usedNow(s.stored))
	}
	if s.pending.requests > 0 || takeover || own != nil || w.refreshes() {
		s.pending.begin(w.request)
	}
	w.batches, w.compactions = slices.Clone(s.pending.batches), s.pending.compactions
	s.writeAttempted = s.writeAttempted || st.Replica.Cluster.Available()
	return w
}

// finish takes the outcome of a write into memory (rule L7).
func (st *Store) finish(w *write, rec *record.Record, err error) error {
	s := w.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state.is(removed):
		if err == nil {
			s.saved = w.number
		}
		st.dropPending(s)
		return err
	case errors.Is(err, replica.ErrNoSession):
		st.dropPending(s) // another instance has destroyed it, which beats every change
		st.cache.remove(s)
		return err
	case err != nil && w.takeover && s.pending.requests == 0:
		st.dropPending(s) // no change is lost; what is in memory is not the truth, and must not be stored
		return err
	case err != nil:
		st.retry(w, err)
		return err
	}
	return st.settle(w, rec)
}
