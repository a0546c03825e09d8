package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Renewal says how a session goes on under another token.
type Renewal struct {
	Token, Node string                                 // of the new session
	Base, Work  *record.Record                         // what the request saw, and what it made of that
	Redo        replica.Change                         // makes the same changes to another record
	Successor   func(of *record.Record) *record.Record // makes the first record of the new session
}

// Renew stores the session's values under the new token, and then destroys the session under the old one (rule L14).
// Both happen before it returns, so a failure in between leaves the client what it had. Of two calls at the same time
// both succeed, each with a token of its own, or the second returns replica.ErrRenewed before it has begun. With no
// node available Renew works only for a session that no node knows.
func (st *Store) Renew(ctx context.Context, s *Session, r Renewal) (*Session, error) {
	if err := s.beginSaving(ctx, st.Wait); err != nil {
		return nil, err
	}
	defer s.endSaving()
	if err := st.save(ctx, s); err != nil && (!s.isOnlyHere() || st.Replica.Cluster.Available()) {
		return nil, err
	}
	w := st.begin(s, false)
	if w == nil {
		return nil, ErrRemoved
	}
	next, err := w.successor(r)
	if err != nil {
		return nil, err
	}
	if err := next.beginSaving(ctx, st.Wait); err != nil { // never: nobody else knows of it
		return nil, err
	}
	defer next.endSaving()
	if err := w.renew(ctx, r, next); err != nil && !errors.Is(err, replica.ErrRenewed) {
		return nil, errors.Join(err, st.destroy(ctx, next))
	}
	return next, st.handOver(ctx, next, w)
}

// successor begins the new session, in memory, with all that the old one has by now.
func (w *write) successor(r Renewal) (*Session, error) {
	work := r.Work
	if w.state != r.Base {
		work = w.state.Draft()
		if err := r.Redo(work); err != nil {
			return nil, err
		}
	}
	return w.store.create(r.Token, r.Node, r.Successor(work), false)
}

// renew stores the new session, and then destroys the old one. Without a node, a session that no node knows is renewed
// in memory alone.
func (w *write) renew(ctx context.Context, r Renewal, next *Session) error {
	err := w.store.save(ctx, next)
	switch {
	case err == nil && !w.create:
		return w.access.Renewed(ctx, func(last *record.Record) error {
			w.former = last.Route
			return w.carryOver(ctx, r, next, last)
		})
	case err != nil && w.create && !w.store.Replica.Cluster.Available():
		return nil
	}
	return err
}

// carryOver brings to the new session what another instance has stored in the old one meanwhile. last is the record
// that is about to end.
func (w *write) carryOver(ctx context.Context, r Renewal, next *Session, last *record.Record) error {
	if last.SameAs(w.base) {
		return nil
	}
	values := last.Draft()
	for _, b := range missing(w.batches, last) { // changes of other requests here, which only memory has
		if err := replay(b.changes, values); err != nil {
			return err
		}
	}
	if err := r.Redo(values); err != nil {
		return err
	}
	_, _, err := w.store.apply(next, nil, nil, func(rec *record.Record) error {
		rec.TakeValues(values)
		return nil
	})
	if err != nil {
		return err
	}
	return w.store.save(ctx, next)
}

// handOver ends the old session in memory. It brings along the changes that other requests have made to it since the
// new one began. These are in batches after those of w.
func (st *Store) handOver(ctx context.Context, next *Session, w *write) error {
	s := w.session
	s.mu.Lock()
	late := s.pending.batches
	if len(late) >= len(w.batches) { // otherwise they were compacted into one batch
		late = late[len(w.batches):]
	}
	st.discard(s, w.former)
	s.mu.Unlock()
	for _, b := range late {
		_, number, err := st.apply(next, nil, nil, func(rec *record.Record) error { return replay(b.changes, rec) })
		if err == nil && number > 0 {
			err = st.saveNow(ctx, next, number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
