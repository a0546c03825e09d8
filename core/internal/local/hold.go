package local

import (
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/replica"
)

// Load brings a session into memory that only nodes have. If the stored record does not name this instance as the one
// that serves it, Load takes it over. It returns the errors of replica.Access.Load and of TakeOver.
func (st *Store) Load(ctx context.Context, token, node string) (*Session, error) {
	access := st.Replica.Open(token, node)
	rec, err := access.Load(ctx)
	if err != nil {
		return nil, err
	}
	if rec.Route != st.Route { // also if it names none: an instance that ends the session has to know whom to tell
		return st.TakeOver(ctx, token, access.Home(), rec.Route)
	}
	s := st.loaded(token, access, rec)
	return s, st.admitted(s, access)
}

// Confirm compares a doubtful session with what is stored. If that is something else, Confirm takes it over. With no
// node available the session stays as it is. It returns the errors of TakeOver.
func (st *Store) Confirm(ctx context.Context, s *Session) (*Session, error) {
	_, node := st.Rehome(s)
	found, err := st.TakeOver(ctx, s.token, node, st.Route)
	if errors.Is(err, replica.ErrUnavailable) && !st.Replica.Available() {
		return s, nil
	}
	return found, err
}

// Behind reports whether a look at the copies that begins at that node finds something newer than what is in memory.
func (st *Store) Behind(ctx context.Context, s *Session, node string) bool {
	rec, err := st.Replica.Open(s.token, node).Peek(ctx) // Load would repair copies, and then find its own write
	s.mu.Lock()
	defer s.mu.Unlock()
	return err == nil && s.stored.Rank().Before(rec.Rank())
}
