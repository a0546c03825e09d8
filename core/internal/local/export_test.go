package local

import "time"

// Remembered returns how many changes a session remembers because they are not stored yet.
func Remembered(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.changes
}

// Folds returns how often changes of the session were replaced by the difference that they make.
func Folds(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.folds
}

// Sweep looks for sessions that have ended, as happens every second, and returns how many it had to look at.
func Sweep(st *Store) (looks int) {
	for i := range st.shards {
		looks += st.sweepShard(&st.shards[i], time.Now())
	}
	return looks
}
