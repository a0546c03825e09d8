package local

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/news"
	"github.com/gomsm/msm/core/internal/replica"
)

const (
	// deaf is since when nothing was heard of an instance that stands still, or has just gone on: four looks of its probers.
	deaf = time.Second
	// missed is the time without hearing anything after which messages may have come and gone. Clocks of instances differ.
	missed = news.Life / 2
)

// Heard says that what others had told until then was heard. If messages may have been missed before, what is in memory is
// believed no more until it was compared with what is stored.
func (st *Store) Heard(at time.Time) {
	last := st.heard.Swap(at.UnixNano())
	if at.UnixNano()-last > int64(missed) {
		st.doubted.Store(at.UnixNano())
	}
}

// Doubtful reports whether another instance may have ended the session, or taken it over, and this one has not heard of it. With
// no node available there is nobody to ask.
func (s *Session) Doubtful(now time.Time) bool {
	unheard := now.UnixNano()-s.store.heard.Load() > int64(deaf)
	if !unheard && s.confirmed.Load() >= s.store.doubted.Load() {
		return false
	}
	return s.store.Replica.Available()
}

// confirm takes note that what is stored is what is here.
func (s *Session) confirm() { s.confirmed.Store(time.Now().UnixNano()) }

// Confirm compares a doubtful session with what is stored, and takes that over if it is something else. With no node
// available it stays as it is. It answers what TakeOver does.
func (st *Store) Confirm(ctx context.Context, s *Session) (*Session, error) {
	_, node := s.View()
	found, err := st.TakeOver(ctx, s.token, node, st.Route)
	if errors.Is(err, replica.ErrUnavailable) && !st.Replica.Available() {
		return s, nil
	}
	return found, err
}
