package msm

import (
	"sync"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/record"
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
// whose session has no attribute and no principal.
type Session struct {
	secret
	mu       sync.Mutex // see enter
	updating updating
	visit    *visit
	manager  *Manager

	loading
	place
	draft    draft
	ends     ends
	signIn   signIn
	device   device
	locked   *lock.SessionLock // the session's lock; nil: this request does not have it
	lockEnds func() bool       // ends the wait that releases an opened session's lock
	wrote    bool              // the handler has changed something
	err      error             // the first error; the commit fails with it
}

// loading is what came of looking for the session.
type loading struct {
	state   sessionState
	came    bool  // the client came with a living session
	loadErr error // why there is no session, in the state refused
}

type sessionState uint8

const (
	notLoaded sessionState = iota // nobody has looked for the session that the request names
	present                       // loaded, or known to be new
	refused                       // there can be no session: the request is ignored, or the load failed
)

// place is where the session is, and how its values are encoded.
type place struct {
	id    sid.ID // of the stored session as it was found, or the one that a new session will have; zero: none yet
	at    handle // nil: there is no stored session
	room  handles
	coder transcoder.Transcoder
}

// ends is what becomes of stored sessions at the commit.
type ends struct {
	renews bool          // Renew was called
	ended  *endedSession // the stored session that this request ends; nil: none
	unread *endedSession // a stored session that cannot be read, so this request can only end it; nil: none
	missed bool          // a change of the unread session was refused
	mourns bool          // others are to end a session that was not found here; see mourn
	clear  bool          // Destroy was called: if no session is left, the client's cookie is removed
}

// endedSession is a stored session that Destroy or Renew ends at the commit.
type endedSession struct {
	id      sid.ID
	at      handle
	base    *record.Record
	renewed bool  // Renew: the values go on under a new id
	why     error // why it cannot be read; nil: it can
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

// currentID returns the id that the client should have as things are (rule I2).
func (s *Session) currentID() sid.ID {
	if s.at != nil {
		return s.at.id()
	}
	return s.id
}

// forget leaves the request without a session.
func (s *Session) forget() {
	s.id, s.at, s.coder = sid.ID{}, nil, s.manager.coder
	s.draft.base = nil
	s.draft.drop()
}

// fail records err for the commit to fail with, see keep. After the last commit it also logs and counts err, because
// the application need not call Err.
func (s *Session) fail(err error) {
	if v := s.visit; s.keep(err) && v.done {
		v.report(v.client.id.Token, "the session was used after its request had ended, and that failed", err)
	}
}

// keep records err for the commit to fail with, and reports whether it did. Only the first error is kept.
func (s *Session) keep(err error) bool {
	if s.err != nil {
		return false
	}
	s.err = err
	return true
}

// rebase replaces the record that was loaded. If the request's changes cannot be applied to the new one, the commit
// fails: nothing of a request is stored in part.
func (s *Session) rebase(rec *record.Record) error {
	err := s.draft.rebase(rec)
	if err != nil {
		s.fail(err)
	}
	return err
}

// Err returns the first error of this session in this request, such as of a load, an encoding or a commit; nil if there
// is none.
func (s *Session) Err() error {
	s.enter()
	defer s.mu.Unlock()
	return s.err
}
