package msm

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/transcoder"
)

// Session is the values of one visitor, for the time of one request; Manager.Open finds one without a request. It is safe
// for concurrent use. A goroutine that goes on when the handler has returned may read it still, but not change it: that is
// ErrCommitted, and one line in the log.
//
// Values, not shared memory: Set encodes at once and a read decodes into a fresh value, so what was read and then
// changed in place is never stored. Reads, and reads of other requests of the session, never see a half-done change.
//
// Nothing is stored before the response begins, and nothing at all for a visitor whose session has no attribute.
type Session struct {
	mu       sync.Mutex  // taken by enter
	updating atomic.Bool // a function given to Update runs
	exchange *Exchange
	manager  *Manager

	state  sessionState
	id     sid.ID          // of the stored session, or the one a new session will have; zero: none yet
	access *replica.Access // to the stored session; nil: there is none, or it is held
	held   *local.Session  // in this instance's memory, in sticky mode
	base   *record.Record  // as loaded, never changed; nil: there is none
	work   *record.Record  // base with the changes; nil: as base
	coder  transcoder.Transcoder
	list   changes
	room   [2]change    // for list, most of the time
	locked *sessionLock // this request has the session's lock; nil: it has not
	alone  bool         // no other request should change the session meanwhile
	came   bool         // the client came with a living session
	renews bool         // Renew was called
	wrote  bool         // the handler changed something
	ended  *ending      // the stored session that this request puts an end to
	unread *ending      // the stored session that this request can put an end to, and no more, for it cannot be read
	missed bool         // a change of it was refused
	mourns bool         // a session is to end that was not found
	clear  bool         // Destroy was called: a client left without a session loses its cookie
	why    error        // state refused: why there is no session
	err    error        // the first thing that went wrong; the commit fails with it
}

type sessionState uint8

const (
	notLoaded sessionState = iota // the request names a session that nobody has looked at
	present                       // looked at, or known to be new
	refused                       // no session can be had: ignored, or the load failed
)

// ending is a stored session that Destroy or Renew ends at the commit.
type ending struct {
	id      sid.ID
	access  *replica.Access
	held    *local.Session
	base    *record.Record
	renewed bool  // its values go on under the new id
	why     error // it cannot be read; nil: it can
}

// ID answers the id that the client has or will have, empty if there is no session. The commit may still give it
// another node if one fails meanwhile. Treat it as a secret: it must not be logged.
func (s *Session) ID() string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || !s.exists() {
		return ""
	}
	return s.manager.format.Spell(s.currentID())
}

// Node answers the id of the node that the session is read from, empty if there is no session or only one node, given
// without an id.
func (s *Session) Node() string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || !s.exists() {
		return ""
	}
	return s.currentID().Node
}

// Route answers the name in the session's id of the instance that made it, empty if there is none.
func (s *Session) Route() string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || !s.exists() {
		return ""
	}
	return s.currentID().Route
}

// IsNew reports whether the client came without a living session, whatever became of it since. It is true if the session
// could not be loaded.
func (s *Session) IsNew() bool {
	s.enter()
	defer s.mu.Unlock()
	return s.load() != nil || !s.came
}

// ByHeader reports whether the client speaks by Config.Header: its session came by the id in it or, for a client without
// a session, the request has the header, and the answer to one that begins here will. No page of another site can have a
// browser send it, unless CORS lets it, so a check for forged requests (CSRF) may let such a request pass. It is false for
// a session that came by a cookie, whatever header is beside it, and if the session cannot be loaded.
func (s *Session) ByHeader() bool {
	s.enter()
	defer s.mu.Unlock()
	return s.load() == nil && s.exchange.speaksByHeader()
}

// Has reports whether there is an attribute of that name.
func (s *Session) Has(name string) bool {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil {
		return false
	}
	_, ok := s.attribute(name)
	return ok
}

// Keys answers the names of all attributes, sorted, but for the one that AddFlash keeps its messages in.
func (s *Session) Keys() []string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || s.view() == nil {
		return nil
	}
	keys := make([]string, 0, len(s.view().Attributes))
	for _, a := range s.view().Attributes {
		if a.Name != flashes {
			keys = append(keys, a.Name)
		}
	}
	return keys
}

// Set gives an attribute a value, which is encoded at once. What the session's transcoder could not read again into the
// value's own type, or only as another value, is refused with an AttributeError that says how to mend it; package
// transcoder lists what that is. An error is kept: Err tells it, and the commit fails with it.
func (s *Session) Set(name string, value any) {
	s.enter()
	defer s.mu.Unlock()
	if !s.writable() || !s.validName(name) {
		return
	}
	data, err := s.coder.Marshal(value)
	if err != nil {
		s.fail(attributeError(name, value, err))
		return
	}
	s.do(change{kind: setAttribute, name: name, value: data})
}

// Delete removes an attribute.
func (s *Session) Delete(name string) {
	s.enter()
	defer s.mu.Unlock()
	if s.hasSomething() {
		s.do(change{kind: deleteAttribute, name: name})
	}
}

// Clear removes all attributes. The session itself stays; see Destroy.
func (s *Session) Clear() {
	s.enter()
	defer s.mu.Unlock()
	if s.hasSomething() {
		s.do(change{kind: clearAttributes})
	}
}

// SetIdleTimeout gives this session an idle timeout other than Config.IdleTimeout, from one second up. The client's cookie
// is another matter; see Persist.
func (s *Session) SetIdleTimeout(d time.Duration) {
	s.enter()
	defer s.mu.Unlock()
	if d < minIdleTimeout {
		s.fail(fmt.Errorf("msm: SetIdleTimeout: %v must be at least %v", d, minIdleTimeout))
		return
	}
	if s.writable() {
		s.do(change{kind: setIdleTimeout, idle: d})
	}
}

// Renew gives the session a new id with the same values and lets Config.AbsoluteTimeout begin anew. Call it whenever
// the rights of the visitor change, above all at login, so that an id planted before is worth nothing (OWASP session
// fixation). The old id is dead once the response has begun; requests with it get a new, empty session, and for 30 seconds no
// cookie, for it would replace this one: what they would store is dropped, or ErrGone if their method is not safe. It answers
// ErrCommitted if the response has begun already.
//
// A session that cannot be read (ErrUnreadable) ends as by Destroy, and its values with it: what is set after Renew begins a new
// one. What was set before is lost, so Renew fails then.
//
// If the request's context has ended by then, because the client has gone or http.TimeoutHandler has answered in the
// handler's place, the new id would reach nobody: the commit fails, nothing of the request is stored, and the old id stays.
func (s *Session) Renew() error {
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil && (s.unread == nil || s.missed) {
		return err
	}
	if err := s.exchange.tooLate(); err != nil {
		return err
	}
	s.endUnread()
	s.renews = true
	if s.base == nil {
		s.mourns = !s.came
		if s.exists() {
			s.id = s.manager.newID()
		}
		return nil
	}
	s.end(true)
	return nil
}

// Destroy ends the session: at the commit it is destroyed on every node, for good, and the client's cookie is removed.
// What is set after it begins a new session. So ends a session too that cannot be read (ErrUnreadable), unless a newer
// program has stored it.
func (s *Session) Destroy() {
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil && s.unread == nil {
		s.fail(err)
		return
	}
	if s.exchange.done {
		s.fail(errOver)
		return
	}
	s.endUnread()
	s.clear = true
	if s.base != nil {
		s.end(false)
		return
	}
	s.mourns = !s.came
	s.forget()
	if s.ended != nil {
		s.ended.renewed = false
	}
}

// Err answers the first error of this session in this request: of a lazy load, an encoding, a commit.
func (s *Session) Err() error {
	s.enter()
	defer s.mu.Unlock()
	return s.err
}

// end takes the stored session out of use. With renewed its values go on as those of a new one.
func (s *Session) end(renewed bool) {
	s.wrote = true
	s.ended = &ending{id: s.id, access: s.access, held: s.held, base: s.base, renewed: renewed}
	work, list, coder := s.view(), s.list, s.coder
	s.forget()
	if renewed {
		s.id, s.list, s.coder = s.manager.newID(), list, coder
		s.work = work.Clone()
	}
}

func (s *Session) forget() {
	s.id, s.access, s.held, s.base, s.work, s.list, s.coder = sid.ID{}, nil, nil, nil, nil, nil, s.manager.coder
}

// exists: there is a stored session, or there will be one.
func (s *Session) exists() bool { return s.base != nil || s.work != nil }

// view is what reads see; nil if there is no session.
func (s *Session) view() *record.Record {
	if s.work != nil {
		return s.work
	}
	return s.base
}

// hasSomething: there is a session that a removal can change. Removing from nothing creates nothing.
func (s *Session) hasSomething() bool {
	if err := s.load(); err != nil {
		s.fail(err)
		return false
	}
	return s.exists() && s.writable()
}

// writable loads, and refuses what could not be stored any more.
func (s *Session) writable() bool {
	if err := s.load(); err != nil {
		s.missed = s.unread != nil
		s.fail(err)
		return false
	}
	switch x := s.exchange; {
	case x.done:
		s.fail(errOver)
	case s.exists() || !x.sent.Load():
		return true
	case x.opened:
		s.fail(ErrGone)
	default:
		s.fail(ErrCommitted)
	}
	return false
}

func (s *Session) validName(name string) bool {
	if name == "" || len(name) > record.MaxName {
		s.fail(&AttributeError{Name: name, Err: fmt.Errorf("the name must have 1 to %d bytes", record.MaxName)})
		return false
	}
	return true
}

// do applies a change to what reads see, and keeps it for the commit.
func (s *Session) do(c change) {
	s.wrote = true
	if s.work == nil && s.base == nil {
		s.id = s.manager.newID()
		s.work = s.manager.newRecord()
	} else if s.work == nil {
		s.work = s.base.Draft()
	}
	c.apply(s.work)
	if s.base == nil {
		s.manager.withCookie(s.work)
	}
	if s.list == nil {
		s.list = s.room[:0]
	}
	s.list.add(c)
}

// attribute answers an attribute's encoded value.
func (s *Session) attribute(name string) ([]byte, bool) {
	if s.view() == nil {
		return nil, false
	}
	return s.view().Get(name)
}

// currentID is the id that the client should have, as things stand.
func (s *Session) currentID() sid.ID {
	id := s.id
	switch {
	case s.held != nil:
		_, id.Node = s.held.View()
	case s.access != nil:
		id.Node = s.access.Home()
	}
	return id
}
