package local

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// settle makes what is stored by this write the base of the next one. Guarded by mu.
func (st *Store) settle(s *Session, w *write, rec *record.Record) error {
	s.confirm()
	merged := w.merged(rec)
	s.failures, s.saved, s.stored, s.node = 0, max(s.saved, w.number), rec, w.access.Home()
	st.forget(s, w)
	late := s.pending.batches
	st.served(s, w, rec)
	whole := st.rejoined(rec, w.withOwn(s.current))
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
	st.account(s)
	st.schedule(s)
	st.rest(s, w, merged)
	return w.failed
}

// forget drops the changes that are stored by this write. Guarded by mu.
func (st *Store) forget(s *Session, w *write) {
	if s.pending.folds == w.folds {
		st.pendingChanges.Add(-int64(s.pending.drop(len(w.batches))))
		return
	}
	late := int(s.changes - w.number) // made since w began; folded with others, so that only their values are known
	st.pendingChanges.Add(int64(late - s.pending.requests))
	s.pending.requests = late
	s.pending.fold(difference(w.memory, s.current, st.clash))
	if late == 0 {
		s.pending = pending{folds: s.pending.folds}
	}
}

// served records who serves the session after a write. If that is another instance, it is told what it has not seen
// (rule M8). Guarded by mu.
func (st *Store) served(s *Session, w *write, rec *record.Record) {
	if s.told = rec.Route != st.Route; s.told && w.last != nil {
		st.tell(s, news.Message{Kind: news.Changed, Version: rec.Version}, rec.Route)
	}
}

// rest decides what comes after a write: the session is written again, or leaves, or stays. Guarded by mu.
func (st *Store) rest(s *Session, w *write, merged bool) {
	if merged {
		st.merges.Add(1)
		if w.failed != nil {
			st.Log.Event(context.Background(), slog.LevelError,
				"a change could not be made to what another instance has stored meanwhile", "", "error", w.failed)
		}
	}
	if s.rests = len(s.pending.batches) == 0 && !w.access.NeedsHeal(); !s.rests {
		st.queue.soon(s)
		return
	}
	if s.told { // what is here would soon be outdated
		st.leave(s)
	}
}

// retry has a failed write tried again later. Guarded by mu.
func (st *Store) retry(s *Session, w *write, err error) {
	s.rests = false
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
	st.queue.at(time.Now().Add(wait), s)
}
