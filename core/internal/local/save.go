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

// write is one attempt to bring the newest state of a session to its nodes.
type write struct {
	session  *Session
	access   *replica.Access
	request  uint64         // its id; a record that has it has the changes of this write
	base     *record.Record // what the nodes had, as far as is known
	state    *record.Record // what the nodes are to have
	batches  []batch        // the pending changes that lead from base to memory
	folds    int            // pending.folds when the write began
	number   uint64         // of the newest change in memory
	used     time.Time      // when the session was used last
	own      replica.Change // made after batches; only the caller can make it, and memory lacks it; nil: none
	memory   *record.Record // state without own
	create   bool           // no node can have the session yet
	takeover bool           // the session is taken over from another instance

	last   *record.Record // the record to which the changes were made last
	newer  bool           // last was not base: somebody has written since
	former string         // the route of the instance that served the session before it was taken over or ended
	failed error          // joined, of the changes that could not be made to what another instance wrote
}

// save writes what is not stored. The caller has begun saving. A write that fails is tried again later, unless the
// session is gone.
func (s *Session) save(ctx context.Context) error { return s.run(ctx, s.begin(false)) }

// run runs a write, and takes the outcome into memory.
func (s *Session) run(ctx context.Context, w *write) error {
	if w == nil {
		return ErrLeft
	}
	rec, err := w.run(ctx)
	return s.end(w, rec, err)
}

// begin returns the write of what is in memory, nil if the session has left.
func (s *Session) begin(takeover bool) *write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.take(takeover, nil, s.current)
}

// take is begin with own, a change of the caller's that makes state of what is in memory; nil: none. Guarded by mu.
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
	case !w.create: // otherwise no node has lost anything that memory would have to restore
		w.access.Hold(w.usedNow(s.stored))
	}
	if s.pending.requests > 0 || takeover || own != nil || w.refreshes() {
		s.pending.begin(w.request)
	}
	w.batches, w.folds = slices.Clone(s.pending.batches), s.pending.folds
	s.tried = s.tried || s.store.Replica.Available()
	return w
}

// refreshes reports whether the last use is to be stored, even if there are no changes.
func (w *write) refreshes() bool { return !w.used.Before(replica.RefreshDue(w.base)) }

// run writes to the nodes, and returns the record that was stored.
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

// usedNow returns a copy of the record with the last use of the session in it.
func (w *write) usedNow(rec *record.Record) *record.Record {
	copied := *rec
	if w.used.After(copied.LastAccess) {
		copied.LastAccess = w.used
	}
	return &copied
}

// change makes the changes to the record that the nodes turned out to have (rule L6).
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

// redo makes the changes in their order. It leaves out those that fail, each as a whole, and returns their errors.
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

// end takes the outcome of a write into memory (rule L7).
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
		s.abandon() // another instance has destroyed it, which beats every change
		s.leave()
		return err
	case err != nil && w.takeover && s.pending.requests == 0:
		s.abandon() // no change is lost; what is in memory is not the truth, and must not be stored
		return err
	case err != nil:
		s.retry(w, err)
		return err
	}
	return s.settle(w, rec)
}

// settle makes what is stored by this write the base of the next one. Guarded by mu.
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

// forget drops the changes that are stored by this write. Guarded by mu.
func (s *Session) forget(w *write) {
	if s.pending.folds == w.folds {
		s.store.pendingChanges.Add(-int64(s.pending.drop(len(w.batches))))
		return
	}
	late := int(s.changes - w.number) // made since w began; folded with others, so that only their values are known
	s.store.pendingChanges.Add(int64(late - s.pending.requests))
	s.pending.requests = late
	s.pending.fold(difference(w.memory, s.current, s.store.clash))
	if late == 0 {
		s.pending = pending{folds: s.pending.folds}
	}
}

// merged reports whether what is stored is not just what this instance had.
func (w *write) merged(rec *record.Record) bool {
	switch {
	case w.create:
		return false
	case w.last == nil: // there was nothing to change
		return replica.LastRequest(rec) != replica.LastRequest(w.base)
	case rec != w.last: // an attempt whose outcome was not known had been stored after all
		return true
	}
	return w.newer
}

// withOwn returns a record from memory with the caller's own change made to it.
func (w *write) withOwn(rec *record.Record) *record.Record {
	if w.own == nil {
		return rec
	}
	next := rec.Draft()
	_ = difference(w.memory, w.state, func() {})(next) // returns no error
	return next
}

// account updates the session's size, and has others leave if memory is too full.
func (s *Session) account() {
	size := sizeOf(s.current)
	s.store.bytes.Add(size - s.size.Swap(size))
	if s.state.Load() == left { // it ended at this moment
		s.store.release(s)
	}
	for s.store.overfull() && s.store.evict() {
	}
}

// rest decides what comes after a write: the session is written again, or leaves, or stays. Guarded by mu.
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
	if s.told { // what is here would soon be outdated
		s.leave()
	}
}

// retry has a failed write tried again later. Guarded by mu.
func (s *Session) retry(w *write, err error) {
	s.rests = false
	switch {
	case w.own != nil: // the caller gets the error
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

// abandon forgets the changes that are not stored. Guarded by mu.
func (s *Session) abandon() {
	s.store.pendingChanges.Add(-int64(s.pending.drop(len(s.pending.batches))))
}
