package local

import (
	"context"
	"log/slog"
	"math"
	"slices"

	"github.com/gomsm/msm/core/internal/sid"
)

// shedLargest gives up the pending change that makes the session largest, because no node takes a session of that size
// (rule L10). Otherwise nothing of the session could be stored any more. The request that made the change was answered
// long ago. Guarded by s.mu.
func (st *Store) shedLargest(s *Session, err error) {
	batch, change := s.largest()
	if batch < 0 {
		return
	}
	b := &s.pending.batches[batch]
	b.changes = slices.Delete(slices.Clone(b.changes), change, change+1)
	s.pending.changes--
	next := st.withMemoryOnly(s.stored, s.current).Draft()
	for _, b := range s.pending.batches {
		_ = replay(b.changes, next) // a change that fails without the one given up is left out
	}
	s.current = next
	st.Shed.Add(1)
	st.Log.Event(context.Background(), slog.LevelError,
		"a change was given up, which made a session too large for its nodes; see Config.MaxSessionSize", "",
		"error", err, "session", sid.Short(s.token))
	st.cache.resize(s, sizeOf(s.current))
	st.updateClocks(s)
}

// largest returns the place of the pending change that adds most to what is stored. A batch of -1 says that there is
// none.
func (s *Session) largest() (batch, change int) {
	batch, most := -1, math.MinInt
	rec := s.stored.Draft()
	for i, b := range s.pending.batches {
		for j := range b.changes {
			before := rec.Size()
			_ = replay(b.changes[j:j+1], rec)
			if growth := rec.Size() - before; growth > most {
				batch, change, most = i, j, growth
			}
		}
	}
	return batch, change
}
