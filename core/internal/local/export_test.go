package local

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
