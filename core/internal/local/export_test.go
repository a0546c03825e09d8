package local

import (
	"context"
	"time"
)

// Load, TakeOver, Confirm and Doubtful are the steps of Hold, for tests that ask for one of them.

// Load brings a session into memory that only nodes have.
func (st *Store) Load(ctx context.Context, token, node string) (*Session, error) {
	return st.load(ctx, token, node)
}

// TakeOver brings a session into memory that another instance has served.
func (st *Store) TakeOver(ctx context.Context, token, node, route string) (*Session, error) {
	return st.takeOver(ctx, token, node, route)
}

// Confirm compares a doubtful session with what is stored.
func (st *Store) Confirm(ctx context.Context, s *Session) (*Session, error) {
	return st.confirm(ctx, s)
}

// Doubtful reports whether messages about the session may have been missed.
func (st *Store) Doubtful(s *Session, now time.Time) bool { return st.doubtful(s, now) }

// Remembered returns how many changes a session remembers because they are not stored yet.
func Remembered(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.changes
}

// Compactions returns how often changes of the session were replaced by the difference that they make.
func Compactions(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.compactions
}

// Sweep looks for sessions that have ended, as happens every second, and returns how many it had to look at.
func Sweep(st *Store) (looks int) {
	for i := range st.cache.shards {
		looks += st.cache.sweepShard(&st.cache.shards[i], time.Now())
	}
	return looks
}
