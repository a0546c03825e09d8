package msm

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/gomsm/msm/core/internal/principal"
	"github.com/gomsm/msm/core/internal/record"
)

// The longest texts about a login, in bytes. SetDevice cuts off what is longer.
const (
	maxPrincipal = 255
	maxAddress   = 46 // of IPv6 with an IPv4 address in it, the longest
	maxAgent     = 128
)

// signIn is what a request has said of the login that it makes, for the commit.
type signIn struct{ principal, handle string } // empty: SetPrincipal was not called

// device is from where the visitor logs in, as SetDevice was told.
type device struct{ address, agent string }

// SetPrincipal says who has logged in with this session: a user's number or name, of 1 to 255 bytes, which should never
// become another user's. It calls Renew, with all that this means, so a login needs only the one or the other. From then
// on the session is in the principal's list: see Manager.Sessions, Manager.DestroyAll and Config.PrincipalLimit. It stays
// there, under the same handle, when Renew is called again; it has to be another session for it to be another principal's.
//
// The list is stored at the commit, before the session, and has as many copies as a session: in sticky mode that is one
// unless Config.Backups says otherwise. It costs the login a write. memcached sees a hash of the principal, and with
// Config.EncryptionKeys nothing else of the list.
//
// The error is one of Renew, that the principal is too long or empty, or with Config.PrincipalLimitRefuses
// ErrTooManySessions, or why the list could not be read. Nothing has changed then.
func (s *Session) SetPrincipal(name string) error {
	if name == "" || len(name) > maxPrincipal {
		return fmt.Errorf("msm: a principal must have 1 to %d bytes, not %d; a logout is Destroy", maxPrincipal, len(name))
	}
	s.enter()
	defer s.mu.Unlock()
	if err := s.visit.tooLate(); err != nil {
		return err
	}
	handle := rand.Text()
	if s.load() == nil && s.principal() == name {
		handle = s.handle()
	}
	if err := s.manager.principals.admit(s.visit.ctx, name, handle, s.ends.handle()); err != nil {
		return err
	}
	if err := s.renew(); err != nil {
		return err
	}
	s.ensure()
	s.wrote = true
	s.signIn = signIn{name, handle}
	return nil
}

// handle returns the handle of the stored session that the request ends; empty: there is none.
func (e *ends) handle() string {
	if e.ended == nil || e.ended.base == nil {
		return ""
	}
	return e.ended.base.Login.Handle
}

// SetDevice says from where the visitor logs in, for the list of his sessions: an address, of which 46 bytes are kept, and
// the name of a browser or device, of which 128 are. It counts for the login of this request, by SetPrincipal or Renew, and
// is lost with the list. Both texts are personal data; leave out what you do not show.
func (s *Session) SetDevice(address, agent string) {
	s.enter()
	defer s.mu.Unlock()
	s.device = device{cut(address, maxAddress), cut(agent, maxAgent)}
}

// cut returns the beginning of a text, without what is no UTF-8.
func cut(text string, most int) string {
	text = text[:min(len(text), most)]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text
}

// Principal returns who has logged in with the session, as SetPrincipal was told; empty: nobody, or the session could not
// be loaded.
func (s *Session) Principal() string {
	s.enter()
	defer s.mu.Unlock()
	_ = s.load() // then there is nothing to be read
	return s.principal()
}

// Handle returns the name of the session in the list of its principal's sessions, which is no id; empty: it has no
// principal.
func (s *Session) Handle() string {
	s.enter()
	defer s.mu.Unlock()
	_ = s.load()
	return s.handle()
}

func (s *Session) principal() string { return s.login().Principal }
func (s *Session) handle() string    { return s.login().Handle }

// login returns what the session's login is, with this request's.
func (s *Session) login() (l record.Login) {
	switch {
	case s.signIn.principal != "":
		l.Principal, l.Handle = s.signIn.principal, s.signIn.handle
	case s.draft.exists():
		l = s.draft.view().Login
	}
	return l
}

// enroll puts the session, which has a new id, into the list of its principal (rule P2). It returns what its new record
// has to know of that, and how to take it back if the session cannot be stored.
func (s *Session) enroll(ctx context.Context, work *record.Record) (login record.Login, undo func(), err error) {
	login = s.login()
	if login.Principal == "" {
		return login, func() {}, nil
	}
	e := entering{name: login.Principal, seen: work.Login.Number, again: s.signIn.principal == "", idle: work.Idle()}
	e.entry = principal.Session{
		Handle: login.Handle, Key: keyOf(s.id.Token), Node: s.id.Node, Route: s.id.Route,
		Created: work.Created, Login: time.Now(), Address: s.device.address, Agent: s.device.agent,
	}
	in, err := s.manager.principals.logIn(ctx, e)
	login.Handle, login.Number = in.Handle, in.Number
	return login, func() { s.manager.principals.undo(e.name, in) }, err
}
