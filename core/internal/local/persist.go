package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/replica"
)

// persist has a change stored: now with Config.Sync and once Close has begun, otherwise by the write-behind (rule L9).
func (st *Store) persist(ctx context.Context, s *Session, number uint64) error {
	if !st.Sync && !st.closing.Load() {
		st.queue.scheduleDefault(s)
		return nil
	}
	if err := s.beginSaving(ctx, st.Wait); err != nil {
		return err
	}
	defer s.endSaving()
	return st.saveNow(ctx, s, number)
}

// saveNow saves the session unless the change of that number is stored already. The caller has begun saving. It returns
// nil if no node is available and memory keeps the change; see stranded.
func (st *Store) saveNow(ctx context.Context, s *Session, number uint64) error {
	if s.isSaved(number) {
		return nil
	}
	err := st.save(ctx, s)
	if st.stranded(err) {
		return nil
	}
	return err
}

// stranded reports whether a write failed because no node is available, so that memory keeps the change until one is.
// It is false once Close has begun, because memory is about to end.
func (st *Store) stranded(err error) bool {
	return errors.Is(err, replica.ErrUnavailable) && st.alone()
}
