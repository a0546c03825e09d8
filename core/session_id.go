package msm

import "github.com/gomsm/msm/core/internal/sid"

// ID returns the id that the client has or will have; empty if there is no session, or it could not be loaded. The
// commit may still put another node into it, if one fails meanwhile. The id is a secret: do not log it.
func (s *Session) ID() string {
	return s.manager.keys.format().Spell(s.presentID())
}

// Node returns the id of the node that the session is read from; empty if there is no session, it could not be loaded,
// or the only node was configured without an id.
func (s *Session) Node() string { return s.presentID().Node }

// Route returns the name of an instance, as the session's id has it: in sticky mode of the one that serves the session,
// else of the one that made it. It is empty if there is no session, it could not be loaded, or instances have no names.
func (s *Session) Route() string { return s.presentID().Route }

// presentID returns the session's id; the zero ID if there is no session, or it could not be loaded.
func (s *Session) presentID() sid.ID {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || !s.draft.exists() {
		return sid.ID{}
	}
	return s.currentID()
}

// IsNew reports whether the client came without a living session, whatever became of it since. It is also true if the
// session could not be loaded; see Err.
func (s *Session) IsNew() bool {
	s.enter()
	defer s.mu.Unlock()
	return s.load() != nil || !s.came
}

// ByHeader reports whether the client uses Config.Header: its session's id came in that header or, for a client without
// a session, the request has the header, and the id of a session that begins will be sent in it. No page of another
// site can make a browser send it, unless CORS allows that, so a check for forged requests (CSRF) may let such a
// request pass. It is false for a session that came by a cookie, whatever header is beside it, and if the session could
// not be loaded.
func (s *Session) ByHeader() bool {
	s.enter()
	defer s.mu.Unlock()
	return s.load() == nil && s.visit.client.speaksByHeader()
}
