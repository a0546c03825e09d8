package msm

import (
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// hasSomething reports whether there is a session that a removal can change. Removing from nothing creates nothing.
func (s *Session) hasSomething() bool {
	if err := s.load(); err != nil {
		s.fail(err)
		return false
	}
	return s.draft.exists() && s.writable()
}

// writable loads the session, and reports whether it can be changed and stored; if not, it keeps the error (rule E6).
func (s *Session) writable() bool {
	if err := s.load(); err != nil {
		s.ends.missed = s.ends.unread != nil
		s.fail(err)
		return false
	}
	switch v := s.visit; {
	case v.done:
		s.fail(errOver)
	case s.draft.exists() || !v.sent.Load():
		return true
	case v.opened:
		s.fail(ErrGone)
	default:
		s.fail(ErrCommitted)
	}
	return false
}

// maxAttributes is how many attributes a session may have. Requests that set others at the same time may exceed it, by
// far less than record.MaxAttributes allows.
const maxAttributes = 10_000

// takes reports whether the session may have an attribute of that name; if not, it keeps the error.
func (s *Session) takes(name string) bool {
	if name == "" || len(name) > record.MaxName {
		s.fail(&AttributeError{Name: name, Err: fmt.Errorf("the name must have 1 to %d bytes", record.MaxName)})
		return false
	}
	rec := s.draft.view()
	if rec == nil || len(rec.Attributes) < maxAttributes {
		return true
	}
	_, has := rec.Get(name)
	if !has {
		s.fail(&AttributeError{Name: name, Err: fmt.Errorf("the session has %d attributes, and may not have more; put several into one", maxAttributes)})
	}
	return has
}

// apply applies a change to the record that reads see, and keeps it for the commit. If there is no session one begins.
func (s *Session) apply(c change) {
	s.wrote = true
	d := &s.draft
	s.ensure()
	d.apply(c)
	if d.base == nil {
		s.manager.withCookie(d.work)
	}
}

// ensure makes a session that begins, if there is none.
func (s *Session) ensure() {
	if !s.draft.exists() {
		s.id = s.manager.newID()
		s.draft.work = s.manager.withCookie(s.manager.newRecord())
	}
}

// takeBack drops the changes that were not committed, so that a goroutine that outlives the handler sees only what is
// stored (rule E8).
func (s *Session) takeBack() {
	if !s.changed() {
		return
	}
	s.signIn = signIn{}
	base, ended := s.draft.base, s.ends.ended
	if ended == nil && base != nil {
		s.draft.drop()
		return
	}
	s.forget()
	s.ends.ended = nil
	switch {
	case ended == nil, errors.Is(ended.why, replica.ErrNoSession): // there is none to go back to
	case ended.why != nil:
		s.state, s.loadErr = refused, ended.why
	default:
		s.id, s.at, s.draft.base = ended.id, ended.at, ended.base
		s.coder = s.manager.readable[ended.base.Transcoder]
	}
}

// changed reports whether the request has something to store.
func (s *Session) changed() bool {
	return len(s.draft.list) > 0 || s.ends.ended != nil || s.signIn.principal != ""
}
