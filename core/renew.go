package msm

// Renew gives the session a new id with the same values, and lets Config.AbsoluteTimeout begin anew. Call it whenever
// the rights of the visitor change, above all at login, so that an id that was planted before is worth nothing (OWASP
// session fixation). The old id is dead once the response has begun. For 30 seconds a request with it cannot begin a
// session, unless it is a login itself, since that cookie would replace the new one: what it would store is dropped or,
// if its method is not safe, refused with ErrGone. Renew returns ErrCommitted if the response has begun already, or why
// the session could not be loaded.
//
// A session that cannot be read (ErrUnreadable) ends as by Destroy, and its values with it; what is set after Renew begins
// a new one. If something was set before, which is lost, Renew fails.
//
// If the request's context has ended by the commit, because the client has gone or http.TimeoutHandler has answered in
// the handler's place, the new id would reach nobody: the commit fails, nothing of the request is stored, and the old
// id stays.
func (s *Session) Renew() error {
	s.enter()
	defer s.mu.Unlock()
	return s.renew()
}

// renew is Renew for a caller that holds mu.
func (s *Session) renew() error {
	if err := s.load(); err != nil && (s.ends.unread == nil || s.ends.missed) {
		return err
	}
	if err := s.visit.tooLate(); err != nil {
		return err
	}
	s.endUnread()
	s.ends.renews = true
	if s.draft.base == nil {
		s.ends.mourns = !s.came
		if s.draft.exists() {
			s.id = s.manager.newID()
		}
		return nil
	}
	s.end(true)
	return nil
}

// Destroy ends the session, for a logout: at the commit it is destroyed on every node, for good, and the client's
// cookie is removed. What is set after Destroy begins a new session. A session that cannot be read (ErrUnreadable) can
// be destroyed too. A handler that panics afterwards has still logged the visitor out. An error is kept, as with Set.
func (s *Session) Destroy() {
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil && s.ends.unread == nil {
		s.fail(err)
		return
	}
	if s.visit.done {
		s.fail(errOver)
		return
	}
	s.endUnread()
	s.ends.clear, s.signIn = true, signIn{}
	if s.draft.base != nil {
		s.end(false)
		return
	}
	s.ends.mourns = !s.came
	s.forget()
	if s.ends.ended != nil {
		s.ends.ended.renewed = false
	}
}

// end detaches the stored session, which the commit then ends. With renewed its values go on as those of a new one.
func (s *Session) end(renewed bool) {
	s.wrote = true
	s.ends.ended = &endedSession{id: s.id, at: s.at, base: s.draft.base, renewed: renewed}
	work, list, coder := s.draft.view(), s.draft.list, s.coder
	s.forget()
	if renewed {
		s.id, s.coder = s.manager.newID(), coder
		s.draft.work, s.draft.list = work.Clone(), list
	}
}

// endUnread makes the request end a session that it cannot read, and go on without one. Reads so far found nothing,
// which is right then.
func (s *Session) endUnread() {
	if s.ends.unread == nil {
		return
	}
	if s.err == s.loadErr { //nolint:errorlint // this very one, not one like it
		s.err = nil
	}
	s.ends.ended, s.ends.unread = s.ends.unread, nil
	s.state, s.loadErr = present, nil
	s.came, s.ends.clear, s.wrote = true, true, true
	s.visit.client.byCookie = !s.visit.client.byHeader
}
