package local

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// write is one attempt to bring a session's newest state to its nodes.
type write struct {
	session  *Session
	access   *replica.Access
	request  uint64         // its id
	base     *record.Record // what the nodes had
	state    *record.Record // what they are to have
	batches  []batch        // the changes in between
	folds    int            // of pending, when the write began
	number   uint64         // of the last of them
	used     time.Time
	own      replica.Change // what only the caller can make again, after the batches: memory does not have it yet; nil: nothing
	memory   *record.Record // state without that
	create   bool
	takeover bool

	last   *record.Record // the record that the changes were made to last
	newer  bool           // it was not base any more
	former string         // the route of the instance that served the session before a takeover, or its end
	failed error          // the first change that could not be made to what another instance wrote
}

// save writes what is not stored. The caller has begun saving. What fails is tried again later, except if the session is gone.
func (s *Session) save(ctx context.Context) error { return s.run(ctx, s.begin(false)) }

func (s *Session) run(ctx context.Context, w *write) error {
	if w == nil {
		return ErrLeft
	}
	rec, err := w.run(ctx)
	return s.end(w, rec, err)
}

// begin takes what is to be written; nil if the session has left.
func (s *Session) begin(takeover bool) *write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.take(takeover, nil, s.current)
}

// take is begin with changes of the caller's own, which make state of what is in memory. Guarded by mu.
func (s *Session) take(takeover bool, own replica.Change, state *record.Record) *write {
	if s.state.Load() == left {
		s.abandon()
		return nil
	}
	w := &write{
		session: s, base: s.stored, state: state, own: own, memory: s.current, number: s.changes, takeover: takeover,
		used: time.Unix(0, s.used.Load()), create: s.stored.Version == 0 && !s.tried,
	}
	w.access = s.store.Replica.Open(s.token, s.node)
	w.request = w.access.Request()
	switch {
	case takeover:
		w.access.Outrank(s.stored)
	case !w.create: // else there is nothing yet that could be kept, and Create knows what to store
		w.access.Keep(w.usedNow(s.stored))
	}
	if s.pending.requests > 0 || takeover || own != nil || w.refreshes() {
		s.pending.begin(w.request)
	}
	w.batches, w.folds = slices.Clone(s.pending.batches), s.pending.folds
	s.tried = s.tried || s.store.Replica.Available()
	return w
}

// refreshes: there are no changes, but the last access is to be stored.
func (w *write) refreshes() bool { return !w.used.Before(replica.RefreshDue(w.base)) }

func (w *write) run(ctx context.Context) (*record.Record, error) {
	switch {
	case w.create:
		first := w.usedNow(w.session.store.storable(w.state))
		first.Route = w.session.store.Route
		w.last = first
		return w.access.Create(ctx, first)
	case len(w.batches) == 0:
		return w.access.Write(ctx, nil)
	}
	return w.access.Write(ctx, w.change)
}

// usedNow answers a copy of the record that knows when the session was used last.
func (w *write) usedNow(rec *record.Record) *record.Record {
	copied := *rec
	if w.used.After(copied.LastAccess) {
		copied.LastAccess = w.used
	}
	return &copied
}

// change makes the changes to the record that the nodes turned out to have.
func (w *write) change(rec *record.Record) error {
	w.last, w.failed = rec, nil
	if w.used.After(rec.LastAccess) {
		rec.LastAccess = w.used
	}
	if at := w.session.cookie.Load(); at != 0 && time.Unix(0, at).After(rec.CookieAt) {
		rec.CookieAt = time.Unix(0, at)
	}
	if rec.Route == "" || w.takeover {
		w.former, rec.Route = rec.Route, w.session.store.Route
	}
	w.newer = !sameRecord(rec, w.base)
	if !w.newer {
		state := w.session.store.storable(w.state)
		rec.TakeValues(state)
		return nil
	}
	for _, b := range missing(w.batches, rec) {
		w.failed = errors.Join(w.failed, redo(b.changes, rec))
	}
	if w.own != nil && !replica.HasRequest(rec, w.request) {
		w.failed = errors.Join(w.failed, redo([]replica.Change{w.own}, rec))
	}
	rec.Attributes = w.session.store.storable(rec).Attributes
	return nil
}

// redo makes each change or leaves it out as a whole.
func redo(changes []replica.Change, rec *record.Record) (failed error) {
	for _, c := range changes {
		draft := rec.Draft()
		if err := c(draft); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		rec.TakeValues(draft)
	}
	return failed
}

// end takes the outcome into memory.
func (s *Session) end(w *write, rec *record.Record, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state.Load() == left:
		if err == nil {
			s.saved = w.number
		}
		s.abandon()
		return err
	case errors.Is(err, replica.ErrNoSession):
		s.abandon() // it was destroyed, by another instance: that beats every change
		s.leave()
		return err
	case err != nil && w.takeover && s.pending.requests == 0:
		s.abandon() // nothing is lost with it; what is here is not the truth, and not for the nodes
		return err
	case err != nil:
		s.retry(w, err)
		return err
	}
	return s.settle(w, rec)
}

// settle takes what is stored now for the base of what comes. Guarded by mu.
func (s *Session) settle(w *write, rec *record.Record) error {
	s.confirm()
	merged := w.merged(rec)
	s.failures, s.saved, s.stored, s.node = 0, max(s.saved, w.number), rec, w.access.Home()
	s.forget(w)
	late := s.pending.batches
	s.served(w, rec)
	whole := s.store.rejoined(rec, w.withOwn(s.current))
	switch {
	case merged, w.own != nil:
		next := whole.Draft()
		for _, b := range late {
			w.failed = errors.Join(w.failed, redo(b.changes, next))
		}
		s.current = next
	case len(late) == 0:
		s.current = whole
	}
	s.account()
	s.schedule()
	s.rest(w, merged)
	return w.failed
}

// forget drops the changes that are stored now. Guarded by mu.
func (s *Session) forget(w *write) {
	if s.pending.folds == w.folds {
		s.store.pendingChanges.Add(-int64(s.pending.drop(len(w.batches))))
		return
	}
	late := int(s.changes - w.number) // which of the folded changes they are is not known, but what they made
	s.store.pendingChanges.Add(int64(late - s.pending.requests))
	s.pending.requests = late
	s.pending.fold(difference(w.memory, s.current, s.store.clash))
	if late == 0 {
		s.pending = pending{folds: s.pending.folds}
	}
}

// merged: what is stored is not just what this instance had.
func (w *write) merged(rec *record.Record) bool {
	switch {
	case w.create:
		return false
	case w.last == nil: // there was nothing to change
		return replica.LastRequest(rec) != replica.LastRequest(w.base)
	case rec != w.last: // an attempt whose end was not known had been stored after all
		return true
	}
	return w.newer
}

// withOwn returns a record from memory with what the caller's own changes have made.
func (w *write) withOwn(rec *record.Record) *record.Record {
	if w.own == nil {
		return rec
	}
	next := rec.Draft()
	_ = difference(w.memory, w.state, func() {})(next) // cannot fail
	return next
}

// account takes note of the session's size.
func (s *Session) account() {
	size := sizeOf(s.current)
	s.store.bytes.Add(size - s.size.Swap(size))
	if s.state.Load() == left { // it ended this moment
		s.store.release(s)
	}
	for s.store.overfull() && s.store.evict() {
	}
}

// rest is what a session does after a write: it waits for the next one, leaves, or is there to stay. Guarded by mu.
func (s *Session) rest(w *write, merged bool) {
	if merged {
		s.store.merges.Add(1)
		if w.failed != nil {
			s.store.Log.Event(context.Background(), slog.LevelError,
				"a change could not be made to what another instance has stored meanwhile", "", "error", w.failed)
		}
	}
	if s.rests = len(s.pending.batches) == 0 && !w.access.NeedsHeal(); !s.rests {
		s.store.queue.soon(s)
		return
	}
	if s.told { // what is here would be old soon
		s.leave()
	}
}

// retry has a failed write done again later. Guarded by mu.
func (s *Session) retry(w *write, err error) {
	s.rests = false
	switch {
	case w.own != nil: // the caller is told
	case errors.Is(err, replica.ErrTooLarge):
		s.shed(err)
	case !errors.Is(err, replica.ErrUnavailable):
		s.store.Log.Event(context.Background(), slog.LevelError,
			"session could not be stored; it lives in this instance's memory and is tried again", "",
			"error", err, "session", sid.Short(s.token))
	}
	wait := min(retryMin<<min(s.failures, 10), retryMax)
	s.failures++
	s.store.queue.at(time.Now().Add(wait), s)
}

// abandon forgets what was not stored. Guarded by mu.
func (s *Session) abandon() {
	s.store.pendingChanges.Add(-int64(s.pending.drop(len(s.pending.batches))))
}
