package local

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// deaf is how long an instance may go without reading messages. If it takes longer, the instance was halted (it
	// stood still), or still is. It is four intervals of the probers, which read the messages.
	deaf = time.Second
	// missed is after how long without reading messages some may have come and gone. They stay for mailbox.Retention; half of
	// that allows for clocks of instances that differ.
	missed = mailbox.Retention / 2
)

// Heard records that all messages have been read that other instances left before at. If some may have been missed
// since the call before, every session in memory is doubtful until it was compared with what is stored.
func (st *Store) Heard(at time.Time) {
	last := st.heard.Swap(at.UnixNano())
	if at.UnixNano()-last > int64(missed) {
		st.doubted.Store(at.UnixNano())
	}
}

// Doubtful reports whether another instance may have ended the session, or taken it over, without this instance having
// heard of it (rule L3). It is false while no node is available, because nobody can be asked then.
func (s *Session) Doubtful(now time.Time) bool {
	unheard := now.UnixNano()-s.store.heard.Load() > int64(deaf)
	if !unheard && s.confirmed.Load() >= s.store.doubted.Load() {
		return false
	}
	return s.store.Replica.Available()
}

// confirm records that memory has what is stored.
func (s *Session) confirm() { s.confirmed.Store(time.Now().UnixNano()) }

// Confirm compares a doubtful session with what is stored. If that is something else, Confirm takes it over. With no
// node available the session stays as it is. It returns the errors of TakeOver.
func (st *Store) Confirm(ctx context.Context, s *Session) (*Session, error) {
	_, node := s.View()
	found, err := st.TakeOver(ctx, s.token, node, st.Route)
	if errors.Is(err, replica.ErrUnavailable) && !st.Replica.Available() {
		return s, nil
	}
	return found, err
}
