package local

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// write is one attempt to bring the newest state of a session to its nodes.
type write struct {
	store    *Store
	session  *Session
	access   *replica.Access
	request  uint64 // its id; a record that has it has the changes of this write
	create   bool   // no node can have the session yet
	takeover bool   // the session is taken over from another instance
	snapshot
	found
}

// snapshot is what a write found in memory when it began.
type snapshot struct {
	base        *record.Record // what the nodes had, as far as is known
	memory      *record.Record // what requests saw
	own         replica.Change // a change that only the caller can make, and that memory lacks; nil: none
	state       *record.Record // what the nodes are to have: memory, with own
	batches     []batch        // the pending changes that lead from base to memory
	compactions int            // of the pending changes
	number      uint64         // of the newest change in memory
	used        time.Time      // when the session was used last
}

// found is what a write has found on the nodes.
type found struct {
	last   *record.Record // the record to which the changes were made last
	newer  bool           // last was not base: somebody has written since
	former string         // the route of the instance that served the session before it was taken over or ended
	failed error          // joined, of the changes that could not be made to what another instance wrote
}

// refreshes reports whether the last use is to be stored, even if there are no changes.
func (w *write) refreshes() bool { return !w.used.Before(replica.RefreshDue(w.base)) }

// run writes to the nodes, and returns the record that was stored.
func (w *write) run(ctx context.Context) (*record.Record, error) {
	switch {
	case w.create:
		first := w.usedNow(w.store.withoutMemoryOnly(w.state))
		first.Route = w.store.Route
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
	w.former = w.store.self.sign(rec, w.takeover)
	w.newer = !rec.SameAs(w.base)
	if !w.newer {
		rec.TakeValues(w.store.withoutMemoryOnly(w.state))
		return nil
	}
	for _, b := range missing(w.batches, rec) {
		w.failed = errors.Join(w.failed, replay(b.changes, rec))
	}
	if w.own != nil && !replica.HasRequest(rec, w.request) {
		w.failed = errors.Join(w.failed, replay([]replica.Change{w.own}, rec))
	}
	rec.Attributes = w.store.withoutMemoryOnly(rec).Attributes
	return nil
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
	_ = diff(w.memory, w.state, func() {})(next) // returns no error
	return next
}
