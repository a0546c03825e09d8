// Package msmgorilla is a store for gorilla/sessions on msm's nodes, and so for what is built on it: echo-contrib's
// session and gin-contrib's sessions. An app that has one of them changes the line that makes its store.
//
//	store := msmgorilla.NewStore(m, []byte("secret-key"))                // gorilla/sessions, echo-contrib/session
//	store := msmgorilla.NewGin[sessions.Options](m, []byte("secret-key")) // gin-contrib/sessions
//
// Every session has a copy on a second node. What stays is gorilla's: the app calls Save, a session is stored as a
// whole, so of two requests that change it at the same time one loses, and only a Save extends its life. New programs
// are better off with msm's own sessions.
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

// ErrNotLoaded is about a session that could not be loaded: to save it would overwrite what is stored.
var ErrNotLoaded = errors.New("msmgorilla: the session could not be loaded, so it is not saved")

const (
	defaultMaxAge      = 30 * 24 * 60 * 60 // seconds; that of gorilla's own stores
	defaultIdleTimeout = 24 * time.Hour
	idSize             = 32 // random bytes
)

// Store keeps sessions in msm's nodes. Its fields are not to be changed once requests run; it is safe for concurrent use
// then, a session of it is not.
type Store struct {
	// Options are those of new sessions. MaxAge is the life of a session since its last Save, in seconds; 0 makes a
	// cookie that goes with the browser, and a negative one deletes. A cookie is Secure also if its request came by TLS.
	Options *sessions.Options
	// IdleTimeout is the life of sessions with MaxAge 0 since their last Save. Zero: 24 hours.
	IdleTimeout time.Duration
	// Serializer encodes a session's values. Nil: gob, with the types that the app has registered.
	Serializer securecookie.Serializer

	manager *msm.Manager
	codecs  []securecookie.Codec
}

// NewStore makes a store whose new sessions have Path "/", HttpOnly, SameSite Lax and a MaxAge of 30 days. The key pairs
// are those of securecookie, for authentication and encryption of the id in the cookie: the first pair is used, all are
// accepted. With none the cookie has the bare id, whose 256 random bits nobody guesses. It panics without a Manager.
func NewStore(m *msm.Manager, keyPairs ...[]byte) *Store {
	if m == nil {
		panic("msmgorilla: NewStore without a Manager: make one with msm.New")
	}
	s := &Store{
		Options: &sessions.Options{Path: "/", MaxAge: defaultMaxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode},
		manager: m, codecs: securecookie.CodecsFromPairs(keyPairs...),
	}
	for _, codec := range s.codecs {
		codec.(*securecookie.SecureCookie).MaxAge(0) // the stored session knows its end
	}
	return s
}

// Get answers the request's session of that name, loaded once.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New loads the session that the request's cookie names, or answers a new one, which has no id before it is saved: an id
// that is unknown, expired, deleted or not ours is never adopted. On an error, which is store trouble and never "not
// found", the session is empty and not new, and Save refuses to overwrite what is stored.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := *s.Options
	session.Options, session.IsNew = &options, true
	id, ok := s.idIn(r, name)
	if !ok {
		return session, nil
	}
	data, found, err := s.values(name).FindCtx(r.Context(), id)
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

// Save stores the session on its nodes and sets the cookie. With a negative MaxAge it deletes both. It answers
// msm.ErrGone if another request deleted the session meanwhile.
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
	if err := s.values(session.Name()).CommitCtx(r.Context(), session.ID, data, expiry); err != nil {
		return err
	}
	setCookie(r, w, session, value)
	return nil
}

// Renew saves the session under a new id and deletes the old one. Call it at login, instead of Save, so that an id that
// was planted before is worth nothing.
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

// end deletes the session. Its values need not have been loaded for that.
func (s *Store) end(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	id := strings.TrimPrefix(session.ID, notLoaded)
	if err := s.values(session.Name()).DeleteCtx(r.Context(), id); err != nil {
		return err
	}
	session.ID = ""
	setCookie(r, w, session, "")
	return nil
}

// notLoaded stands before the id of a session that could not be loaded. No id begins with it.
const notLoaded = "!"

// values is a store for each name, so that the id of one session is worth nothing in the cookie of another.
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
