package msm

// keepAlive records that the session was used (rule E16), in the background and only when that is due (see
// replica.RefreshDue).
func (s *Session) keepAlive() {
	m, id := s.manager, s.visit.client.id
	switch {
	case s.state == notLoaded && (m.absences.has(id.Token) || m.backend.touch(id)):
	case s.state == notLoaded && m.refreshes.Ahead(id.Token):
	case s.state == notLoaded && m.refreshes.Has(id.Token):
		m.background.Refresh(id)
	case s.state == notLoaded: // this instance has never seen such a session: the id may be a stranger's invention
		m.background.RefreshClaimed(id)
	case s.draft.base != nil:
		s.at.used(s.draft.base)
	}
}
