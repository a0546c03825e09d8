package msm

import (
	"fmt"
	"sync"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/transcoder"
)

// Session holds the attributes of one visitor, for the duration of one request; see From. Manager.Open finds one
// without a request. It is safe for concurrent use. A goroutine that goes on after the handler has returned may still
// read it; a change then fails with ErrCommitted, and the first one is logged.
//
// It holds values, not shared memory. Set encodes a value at once, and every read decodes a fresh one, so a value that
// was read and then changed in place is never stored. No read, of this request or another one, sees a half-done change.
//
// A session is loaded when it is first used, or before the handler if the method is not GET, HEAD, OPTIONS or TRACE. If
// a load during the handler fails, there is nothing to be read, changes are dropped, Err returns why, and the client
// gets the response of Config.ErrorHandler.
//
// Changes are committed when the response begins; Pop, Commit and Unlock store at once. Nothing is stored for a visitor
// whose session has no attribute.
type Session struct {
	mu       sync.Mutex // see enter
	updating updating
	exchange *Exchange
	manager  *Manager

	state  sessionState
	id     sid.ID          // of the stored session, or the one that a new session will have; zero: none yet
	access *replica.Access // to the stored session; nil: there is none, or it is held
	held   *local.Session  // the session in this instance's memory; nil: it is not there, or the manager is not sticky
	base   *record.Record  // the record as it was loaded, never changed; nil: there is no stored session
	work   *record.Record  // base with the changes; nil: there are none
	coder  transcoder.Transcoder
	list   changes           // the changes, in order
	room   [2]change         // of list, most of the time
	locked *lock.SessionLock // the session's lock; nil: this request does not have it
	alone  bool              // no other request should change the session meanwhile; see redo
	came   bool              // the client came with a living session
	renews bool              // Renew was called
	wrote  bool              // the handler has changed something
	ended  *ending           // the stored session that this request ends at the commit; nil: none
	unread *ending           // a stored session that cannot be read, so this request can only end it; nil: none
	missed bool              // a change of the unread session was refused
	mourns bool              // others are to end a session that was not found here; see mourn
	clear  bool              // Destroy was called: if no session is left, the client's cookie is removed
	why    error             // why there is no session, in the state refused
	err    error             // the first error; the commit fails with it
}

type sessionState uint8

const (
	notLoaded sessionState = iota // nobody has looked for the session that the request names
	present                       // loaded, or known to be new
	refused                       // there can be no session: the request is ignored, or the load failed
)

// ending is a stored session that Destroy or Renew ends at the commit.
type ending struct {
	id      sid.ID
	access  *replica.Access
	held    *local.Session
	base    *record.Record
	renewed bool  // Renew: the values go on under a new id
	why     error // why it cannot be read; nil: it can
}

// ID returns the id that the client has or will have; empty if there is no session, or it could not be loaded. The
// commit may still put another node into it, if one fails meanwhile. The id is a secret: do not log it.
func (s *Session) ID() string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || !s.exists() {
		return ""
	}
	return s.manager.format.Spell(s.currentID())
}

// Node returns the id of the node that the session is read from; empty if there is no session, it could not be loaded,
// or the only node was configured without an id.
func (s *Session) Node() string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || !s.exists() {
		return ""
	}
	return s.currentID().Node
}

// Route returns the name of an instance, as the session's id has it: in sticky mode of the one that serves the session,
// else of the one that made it. It is empty if there is no session, it could not be loaded, or instances have no names.
func (s *Session) Route() string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || !s.exists() {
		return ""
	}
	return s.currentID().Route
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
	return s.load() == nil && s.exchange.speaksByHeader()
}

// Has reports whether there is an attribute of that name. It is false if the session could not be loaded.
func (s *Session) Has(name string) bool {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil {
		return false
	}
	_, ok := s.attribute(name)
	return ok
}

// Keys returns the names of all attributes, sorted, without the one that holds the messages of AddFlash. It is nil if
// there is no session, or it could not be loaded.
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

// Set gives an attribute a value, which is encoded at once. A value that the session's transcoder could not read back
// into the value's own type, or only as another value, is refused with an AttributeError that says how to mend it;
// package transcoder lists these. So is a name that is empty or has more than 65,535 bytes. A session cannot begin
// after the response has (ErrCommitted). On an error nothing is set: Err returns it, and the commit fails with it.
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

// Delete removes an attribute, if there is one. An error is kept, as with Set.
func (s *Session) Delete(name string) {
	s.enter()
	defer s.mu.Unlock()
	if s.hasSomething() {
		s.do(change{kind: deleteAttribute, name: name})
	}
}

// Clear removes all attributes. The session itself stays; see Destroy. An error is kept, as with Set.
func (s *Session) Clear() {
	s.enter()
	defer s.mu.Unlock()
	if s.hasSomething() {
		s.do(change{kind: clearAttributes})
	}
}

// SetIdleTimeout gives this session an idle timeout of its own in place of Config.IdleTimeout, of at least one second.
// It does not change how long the client keeps its cookie; see Persist. An error is kept, as with Set.
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

// Renew gives the session a new id with the same values, and lets Config.AbsoluteTimeout begin anew. Call it whenever
// the rights of the visitor change, above all at login, so that an id that was planted before is worth nothing (OWASP
// session fixation). The old id is dead once the response has begun. For 30 seconds a request with it cannot begin a
// session, unless it is a login itself, since that cookie would replace the new one: what it would store is dropped or,
// if its method is not safe, refused with ErrGone. Renew returns ErrCommitted if the response has begun already, or why
// the session could not be loaded.
//
// A session that cannot be read (ErrUnreadable) ends as by Destroy, and its values with it, unless a newer program has
// stored it; what is set after Renew begins a new one. If something was set before, which is lost, Renew fails.
//
// If the request's context has ended by the commit, because the client has gone or http.TimeoutHandler has answered in
// the handler's place, the new id would reach nobody: the commit fails, nothing of the request is stored, and the old
// id stays.
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

// Destroy ends the session, for a logout: at the commit it is destroyed on every node, for good, and the client's
// cookie is removed. What is set after Destroy begins a new session. A session that cannot be read (ErrUnreadable) can
// be destroyed too, unless a newer program has stored it. An error is kept, as with Set.
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

// Err returns the first error of this session in this request, such as of a load, an encoding or a commit; nil if there
// is none.
func (s *Session) Err() error {
	s.enter()
	defer s.mu.Unlock()
	return s.err
}

// end detaches the stored session, which the commit then ends. With renewed its values go on as those of a new one.
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

// forget leaves the request without a session.
func (s *Session) forget() {
	s.id, s.access, s.held, s.base, s.work, s.list, s.coder = sid.ID{}, nil, nil, nil, nil, nil, s.manager.coder
}

// exists reports whether there is a stored session, or will be one.
func (s *Session) exists() bool { return s.base != nil || s.work != nil }

// view returns the record that reads see; nil if there is no session.
func (s *Session) view() *record.Record {
	if s.work != nil {
		return s.work
	}
	return s.base
}

// hasSomething reports whether there is a session that a removal can change. Removing from nothing creates nothing.
func (s *Session) hasSomething() bool {
	if err := s.load(); err != nil {
		s.fail(err)
		return false
	}
	return s.exists() && s.writable()
}

// writable loads the session, and reports whether it can be changed and stored; if not, it keeps the error (rule E6).
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

// validName reports whether an attribute may have that name; if not, it keeps the error.
func (s *Session) validName(name string) bool {
	if name == "" || len(name) > record.MaxName {
		s.fail(&AttributeError{Name: name, Err: fmt.Errorf("the name must have 1 to %d bytes", record.MaxName)})
		return false
	}
	return true
}

// do applies a change to the record that reads see, and keeps the change for the commit.
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

// attribute returns an attribute's encoded value.
func (s *Session) attribute(name string) ([]byte, bool) {
	if s.view() == nil {
		return nil, false
	}
	return s.view().Get(name)
}

// currentID returns the id that the client should have as things are (rule I2).
func (s *Session) currentID() sid.ID {
	id := s.id
	switch {
	case s.held != nil:
		_, id.Node = s.manager.local.Rehome(s.held)
	case s.access != nil:
		id.Node = s.access.Home()
	}
	return id
}

// enter locks mu, in every method that applications may call. It panics if the function given to Update calls one,
// which would wait for itself.
func (s *Session) enter() {
	if s.mu.TryLock() {
		return
	}
	if s.updating.Load() && isUpdating() {
		panic(waitsForItself)
	}
	s.mu.Lock()
}
