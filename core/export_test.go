package msm

// Idle reports whether nothing is left of what requests have asked for in the background.
func (m *Manager) Idle() bool {
	m.background.mu.Lock()
	defer m.background.mu.Unlock()
	return len(m.background.pending) == 0
}
