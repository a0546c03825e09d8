// Package msmgorilla is a store for gorilla/sessions on msm's nodes. It also serves libraries that are built on
// gorilla/sessions: echo-contrib's session and gin-contrib's sessions. An app that uses one of them changes the line
// that makes its store.
//
//	store := msmgorilla.NewStore(m, []byte("secret-key"))                // gorilla/sessions, echo-contrib/session
//	store := msmgorilla.NewGin[sessions.Options](m, []byte("secret-key")) // gin-contrib/sessions
//
// Every session has a copy on a second node. The rest is as gorilla has it: the app calls Save, only a Save extends a
// session's life, and a session is stored as a whole, so of two requests that change it at the same time one loses its
// changes. New programs are better off with msm's own sessions.
package msmgorilla

import (
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// ErrNotLoaded is returned by Save and Renew for a session that could not be loaded: saving it would overwrite what is
// stored.
var ErrNotLoaded = errors.New("msmgorilla: the session could not be loaded, so it is not saved")

const (
	defaultMaxAge      = 30 * 24 * 60 * 60 // seconds; as in gorilla's own stores
	defaultIdleTimeout = 24 * time.Hour
	idSize             = 32 // random bytes
)

// Store keeps sessions on msm's nodes. Do not change its fields once it serves requests; from then on it is safe for
// concurrent use. A session that it returns is not.
type Store struct {
	// Options are the options of new sessions. MaxAge is how many seconds a session lives after its last Save. With 0
	// the cookie ends with the browser, and a negative value deletes the session. A cookie is also Secure if its
	// request came over TLS.
	Options *sessions.Options
	// IdleTimeout is how long a session with MaxAge 0 lives after its last Save. Zero: 24 hours.
	IdleTimeout time.Duration
	// Serializer encodes a session's values. Nil: gob, for types that the app has registered.
	Serializer securecookie.Serializer

	manager *msm.Manager
	codecs  []securecookie.Codec
	sealer  sealer
}

// NewStore returns a store whose new sessions have Path "/", HttpOnly, SameSite Lax and a MaxAge of 30 days. The key
// pairs are those of securecookie: they authenticate and encrypt the id in the cookie. The first key of each pair also
// authenticates the values on the nodes. New cookies and values use the first pair, and all pairs are accepted. Without
// a pair the cookie holds the bare id, whose 256 random bits nobody guesses, and which authenticates the values instead:
// then a visitor who can write to the nodes can forge the values of their own session. It panics if m is nil.
func NewStore(m *msm.Manager, keyPairs ...[]byte) *Store {
	if m == nil {
		panic("msmgorilla: NewStore without a Manager: make one with msm.New")
	}
	s := &Store{
		Options: &sessions.Options{Path: "/", MaxAge: defaultMaxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		manager: m, codecs: securecookie.CodecsFromPairs(keyPairs...), sealer: newSealer(keyPairs),
	}
	for _, codec := range s.codecs {
		codec.(*securecookie.SecureCookie).MaxAge(0) // no limit here: the stored session has its own
	}
	return s
}

// Get returns the request's session with that name. A request loads it once.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New loads the session that the request's cookie names. If there is none it returns a new session, which has no id
// until it is saved: an id that is unknown, expired, deleted or not ours is never adopted. Values that this app has not
// stored, or with a key that it has no more, are none. An error means that the session could not be loaded or decoded,
// and never "not found". The session is then empty and not new, and Save refuses to overwrite what is stored.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := *s.Options
	session.Options, session.IsNew = &options, true
	id, ok := s.idIn(r, name)
	if !ok {
		return session, nil
	}
	data, found, err := s.values(name).FindCtx(r.Context(), id)
	if found && err == nil {
		data, found = s.sealer.open(name, id, data)
	}
	if err == nil && !found {
		return session, nil
	}
	session.ID, session.IsNew = id, false
	if err == nil {
		err = s.serializer().Deserialize(data, &session.Values)
	}
	if err != nil {
		session.ID = notLoaded + id
		clear(session.Values)
		return session, fmt.Errorf("msmgorilla: session %q: %w", name, err)
	}
	return session, nil
}

// Save stores the session on its nodes and sets the cookie. With a negative MaxAge it deletes both. It returns
// msm.ErrGone if another request has deleted the session meanwhile, and ErrNotLoaded instead of storing a session that
// could not be loaded.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	switch {
	case session.Options.MaxAge < 0:
		return s.end(r, w, session)
	case strings.HasPrefix(session.ID, notLoaded):
		return ErrNotLoaded
	case session.ID == "":
		session.ID = newID()
	}
	data, err := s.serializer().Serialize(session.Values)
	if err != nil {
		return fmt.Errorf("msmgorilla: session %q: %w", session.Name(), err)
	}
	value, err := s.cookieValue(session.Name(), session.ID)
	if err != nil {
		return err
	}
	expiry := time.Now().Add(s.life(session.Options))
	if err := s.values(session.Name()).CommitCtx(r.Context(), session.ID, s.sealer.seal(session.Name(), session.ID, data), expiry); err != nil {
		return err
	}
	setCookie(r, w, session, value)
	return nil
}

// Renew saves the session under a new id and deletes the old one. Call it at login instead of Save, so that an id that
// was planted before is worth nothing. It returns ErrNotLoaded if the session could not be loaded.
func (s *Store) Renew(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	old := session.ID
	if strings.HasPrefix(old, notLoaded) {
		return ErrNotLoaded
	}
	session.ID = ""
	if err := s.Save(r, w, session); err != nil {
		session.ID = old
		return err
	}
	return s.values(session.Name()).DeleteCtx(r.Context(), old)
}

// end deletes the session, also if its values could not be loaded.
func (s *Store) end(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	id := strings.TrimPrefix(session.ID, notLoaded)
	if err := s.values(session.Name()).DeleteCtx(r.Context(), id); err != nil {
		return err
	}
	session.ID = ""
	setCookie(r, w, session, "")
	return nil
}

// notLoaded marks the id of a session that could not be loaded: it is put in front of the id. No real id begins with
// it.
const notLoaded = "!"

// values returns the store for sessions of one name. Each name has a store of its own, so that the id of one session is
// worth nothing in the cookie of another.
func (s *Store) values(name string) *msm.Store { return s.manager.Store("gorilla:" + name) }

func (s *Store) serializer() securecookie.Serializer {
	if s.Serializer == nil {
		return securecookie.GobEncoder{}
	}
	return s.Serializer
}

func (s *Store) life(o *sessions.Options) time.Duration {
	switch {
	case o.MaxAge > 0:
		return time.Duration(o.MaxAge) * time.Second
	case s.IdleTimeout > 0:
		return s.IdleTimeout
	}
	return defaultIdleTimeout
}

func newID() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(securecookie.GenerateRandomKey(idSize))
}

func (s *Store) idIn(r *http.Request, name string) (id string, ok bool) {
	cookie, err := r.Cookie(name)
	if err != nil || cookie.Value == "" {
		return "", false
	}
	if len(s.codecs) == 0 {
		return cookie.Value, true
	}
	err = securecookie.DecodeMulti(name, cookie.Value, &id, s.codecs...)
	return id, err == nil && id != ""
}

func (s *Store) cookieValue(name, id string) (string, error) {
	if len(s.codecs) == 0 {
		return id, nil
	}
	return securecookie.EncodeMulti(name, id, s.codecs...)
}

func setCookie(r *http.Request, w http.ResponseWriter, session *sessions.Session, value string) {
	options := *session.Options
	options.Secure = options.Secure || r.TLS != nil
	http.SetCookie(w, sessions.NewCookie(session.Name(), value, &options))
}
