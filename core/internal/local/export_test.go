package local

import "time"

// Remembered is how many changes a session remembers for the time when they can be stored.
func Remembered(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.changes
}

// Folds is how often changes of the session were replaced by the difference that they made.
func Folds(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.folds
}

// Sweep looks for sessions that have ended, as happens every second, and answers how many it had to look at.
func Sweep(st *Store) (looks int) {
	for i := range st.shards {
		looks += st.sweepShard(&st.shards[i], time.Now())
	}
	return looks
}
