package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Destroy ends the session for good, on its nodes and in memory. It returns replica.ErrNoSession if the session had
// ended before. On another error the session lives on as it is: a logout that only this instance knew of would be none.
// ErrLeft: load the session again and destroy that.
func (s *Session) Destroy(ctx context.Context) error {
	s.beginSaving(ctx)
	defer s.endSaving()
	return s.destroy(ctx)
}

// destroy is Destroy for a caller that has begun saving.
func (s *Session) destroy(ctx context.Context) error {
	w := s.begin(false)
	if w == nil {
		return ErrLeft
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
	s.gone(w)
	return err
}

// gone takes the session out of memory, with the changes that were not stored, and tells other instances that may have
// it: the one that has taken it over, of which this instance may not have heard yet, and once more the one that it was
// taken over from. Guarded by mu.
func (s *Session) gone(w *write) {
	s.tell(ended, w.former, s.from)
	s.abandon()
	s.leave()
}

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
func (s *Session) Renew(ctx context.Context, r Renewal) (*Session, error) {
	s.beginSaving(ctx)
	defer s.endSaving()
	if err := s.save(ctx); err != nil && (!s.onlyHere() || s.store.Replica.Available()) {
		return nil, err
	}
	w := s.begin(false)
	if w == nil {
		return nil, ErrLeft
	}
	next, err := w.successor(r)
	if err != nil {
		return nil, err
	}
	next.beginSaving(ctx)
	defer next.endSaving()
	if err := w.renew(ctx, r, next); err != nil && !errors.Is(err, replica.ErrRenewed) {
		return nil, errors.Join(err, next.destroy(ctx))
	}
	return next, s.handOver(ctx, next, w)
}

// onlyHere reports whether no node can know of the session.
func (s *Session) onlyHere() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Load() != left && s.stored.Version == 0 && !s.tried
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
	return w.session.store.create(r.Token, r.Node, r.Successor(work))
}

// renew stores the new session, and then destroys the old one. Without a node, a session that no node knows is renewed
// in memory alone.
func (w *write) renew(ctx context.Context, r Renewal, next *Session) error {
	err := next.save(ctx)
	switch {
	case err == nil && !w.create:
		return w.access.Renewed(ctx, func(last *record.Record) error {
			w.former = last.Route
			return w.carryOver(ctx, r, next, last)
		})
	case err != nil && w.create && !next.store.Replica.Available():
		return nil
	}
	return err
}

// carryOver brings to the new session what another instance has stored in the old one meanwhile. last is the record
// that is about to end.
func (w *write) carryOver(ctx context.Context, r Renewal, next *Session, last *record.Record) error {
	if sameRecord(last, w.base) {
		return nil
	}
	values := last.Draft()
	for _, b := range missing(w.batches, last) { // changes of other requests here, which only memory has
		if err := redo(b.changes, values); err != nil {
			return err
		}
	}
	if err := r.Redo(values); err != nil {
		return err
	}
	_, _, err := next.apply(nil, nil, func(rec *record.Record) error {
		rec.TakeValues(values)
		return nil
	})
	if err != nil {
		return err
	}
	return next.save(ctx)
}

// handOver ends the old session in memory. It brings along the changes that other requests have made to it since the
// new one began. These are in batches after those of w.
func (s *Session) handOver(ctx context.Context, next *Session, w *write) error {
	s.mu.Lock()
	late := s.pending.batches
	if len(late) >= len(w.batches) { // otherwise they were folded into one batch
		late = late[len(w.batches):]
	}
	s.gone(w)
	s.mu.Unlock()
	for _, b := range late {
		_, number, err := next.apply(nil, nil, func(rec *record.Record) error { return redo(b.changes, rec) })
		if err == nil && number > 0 {
			err = next.saveNow(ctx, number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
