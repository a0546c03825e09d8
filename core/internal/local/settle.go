package local

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// settle makes what is stored by this write the base of the next one. Guarded by s.mu.
func (st *Store) settle(w *write, rec *record.Record) error {
	s := w.session
	s.confirm()
	s.newcomer.Store(false)
	merged := w.merged(rec)
	s.failures, s.saved, s.stored, s.node = 0, max(s.saved, w.number), rec, w.access.Home()
	st.forget(w)
	late := s.pending.batches
	st.noteOwner(w, rec)
	whole := st.withMemoryOnly(rec, w.withOwn(s.current))
	switch {
	case merged, w.own != nil:
		next := whole.Draft()
		for _, b := range late {
			w.failed = errors.Join(w.failed, replay(b.changes, next))
		}
		s.current = next
	case len(late) == 0:
		s.current = whole
	}
	st.cache.resize(s, sizeOf(s.current))
	st.updateClocks(s)
	st.afterSave(w, merged)
	return w.failed
}

// forget drops the changes that are stored by this write. Guarded by s.mu.
func (st *Store) forget(w *write) {
	s := w.session
	if s.pending.compactions == w.compactions {
		st.pendingChanges.Add(-int64(s.pending.drop(len(w.batches))))
		return
	}
	late := int(s.changes - w.number) // made since w began; compacted with others, so that only their values are known
	st.pendingChanges.Add(int64(late - s.pending.requests))
	s.pending.requests = late
	s.pending.compact(diff(w.memory, s.current, st.clash))
	if late == 0 {
		s.pending = pending{compactions: s.pending.compactions}
	}
}

// noteOwner records who serves the session after a write. If that is another instance, it is told what it has not seen
// (rule M8). Guarded by s.mu.
func (st *Store) noteOwner(w *write, rec *record.Record) {
	s := w.session
	if s.owner.elsewhere = !st.self.serves(rec); s.owner.elsewhere && w.last != nil {
		st.outbox.tell(s, mailbox.Message{Kind: mailbox.Changed, Version: rec.Version}, rec.Route)
	}
}

// afterSave decides what comes after a write: the session is written again, or leaves, or stays. Guarded by s.mu.
func (st *Store) afterSave(w *write, merged bool) {
	s := w.session
	if merged {
		st.Merges.Add(1)
		if w.failed != nil {
			st.Log.Event(context.Background(), slog.LevelError,
				"a change could not be made to what another instance has stored meanwhile", "", "error", w.failed)
		}
	}
	if s.turn.cleanAfter = len(s.pending.batches) == 0 && !w.access.NeedsHeal(); !s.turn.cleanAfter {
		st.queue.scheduleDefault(s)
		return
	}
	if s.owner.elsewhere { // what is here would soon be outdated
		st.cache.remove(s)
	}
}

// retry has a failed write tried again later. Guarded by s.mu.
func (st *Store) retry(w *write, err error) {
	s := w.session
	s.turn.cleanAfter = false
	switch {
	case w.own != nil: // the caller gets the error
	case errors.Is(err, replica.ErrTooLarge):
		st.shedLargest(s, err)
	case !errors.Is(err, replica.ErrUnavailable):
		st.Log.Event(context.Background(), slog.LevelError,
			"session could not be stored; it lives in this instance's memory and is tried again", "",
			"error", err, "session", sid.Short(s.token))
	}
	wait := min(retryMin<<min(s.failures, 10), retryMax)
	s.failures++
	st.queue.scheduleAt(time.Now().Add(wait), s)
}
