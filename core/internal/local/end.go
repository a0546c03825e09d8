package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Destroy ends the session on its nodes, for good, and in memory. On an error it lives on as it is: a logout that only
// this instance knew of would be none. ErrLeft: load it again and destroy that.
func (s *Session) Destroy(ctx context.Context) error {
	s.beginSaving()
	defer s.endSaving()
	return s.destroy(ctx)
}

// destroy is Destroy for who has begun saving.
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

// gone takes the session out of memory with all that was not stored, and has others do so: who has taken it over, which this
// instance may not have heard of yet, and once more whom it was taken over from. Guarded by mu.
func (s *Session) gone(w *write) {
	s.tell(ended, w.former, s.from)
	s.abandon()
	s.leave()
}

// Renewal says how a session goes on under another token.
type Renewal struct {
	Token, Node string                                 // new
	Base, Work  *record.Record                         // what the request saw, and made of it
	Redo        replica.Change                         // the same changes, to another record
	Successor   func(of *record.Record) *record.Record // the first record of the new session
}

// Renew stores the session's values under the new token and destroys it under the old one then, both before it returns:
// in between a failure leaves the client what it had. Of two at the same time both succeed, each with a token of its own, or
// the second one ends with replica.ErrRenewed before it has begun. With no node available only a session is renewed that no node knows.
func (s *Session) Renew(ctx context.Context, r Renewal) (*Session, error) {
	s.beginSaving()
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
	next.beginSaving()
	defer next.endSaving()
	if err := w.renew(ctx, r, next); err != nil && !errors.Is(err, replica.ErrRenewed) {
		return nil, errors.Join(err, next.destroy(ctx))
	}
	return next, s.handOver(ctx, next, w)
}

// onlyHere: no node can know of the session.
func (s *Session) onlyHere() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Load() != left && s.stored.Version == 0 && !s.tried
}

// successor begins the new session with all that the old one has by now.
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

// renew stores the new session, and then destroys the old one.
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

// carryOver brings what another instance has stored in the old session meanwhile to the new one.
func (w *write) carryOver(ctx context.Context, r Renewal, next *Session, last *record.Record) error {
	if sameRecord(last, w.base) {
		return nil
	}
	values := last.Draft()
	for _, b := range missing(w.batches, last) { // of other requests here, which only memory has
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

// handOver ends the old session in memory. Changes that other requests have made to it since the new one began, in
// batches after those of w, go along.
func (s *Session) handOver(ctx context.Context, next *Session, w *write) error {
	s.mu.Lock()
	late := s.pending.batches
	if len(late) >= len(w.batches) { // else they were folded
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
