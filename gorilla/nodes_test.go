package msmgorilla_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

// TestNobodyMeetsAtAKey checks that nothing is looked up or deleted for a visitor without a session, who has no id. If
// all such visitors shared one key they would wait for each other.
func TestNobodyMeetsAtAKey(t *testing.T) {
	m := newManager(t, msm.Config{})
	store := msmgorilla.NewStore(m, key)
	looks := func(cookie *http.Cookie, maxAge int, do func(*http.Request, http.ResponseWriter, *sessions.Session) error) uint64 {
		v := &visitor{store, cookie, t}
		var n uint64
		v.do(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			s.Options.MaxAge = maxAge
			before := m.Stats().Loads
			err := do(r, w, s)
			n = m.Stats().Loads - before
			return err
		})
		return n
	}
	for name, cookie := range map[string]*http.Cookie{
		"no cookie": nil, "an empty one": {Name: "s"}, "one that is not ours": {Name: "s", Value: "x"},
	} {
		if n, save := looks(cookie, 60, func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			return store.Renew(r, w, s)
		}), looks(cookie, 60, save); n != save {
			t.Errorf("%s, login: %d looks; Save has %d", name, n, save)
		}
		if n := looks(cookie, -1, save); n != 0 {
			t.Errorf("%s, logout: %d looks", name, n)
		}
		if n := looks(cookie, -1, func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			return store.Renew(r, w, s)
		}); n != 0 {
			t.Errorf("%s, Renew for a logout: %d looks", name, n)
		}
	}
}

// TestStoreTrouble checks that a node that does not answer logs nobody out.
func TestStoreTrouble(t *testing.T) {
	server := msmtest.StartServer(t)
	v := &visitor{msmgorilla.NewStore(newManager(t, msm.Config{Nodes: server.Addr(), OpTimeout: 2 * time.Second}), key), nil, t}
	for v.cookie == nil { // a healthy node may take longer on a busy machine
		r, w := v.request(), httptest.NewRecorder()
		if s, err := v.store.Get(r, "s"); err != nil || put(1)(r, w, s) != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		v.cookie = w.Result().Cookies()[0]
	}
	server.Stop()
	r, w := v.request(), httptest.NewRecorder()
	s, err := v.store.Get(r, "s")
	if !errors.Is(err, msm.ErrUnavailable) || s == nil || s.IsNew {
		t.Fatalf("%+v, %v", s, err)
	}
	server.Continue()
	s.Values["k"] = 2
	if err := s.Save(r, w); !errors.Is(err, msmgorilla.ErrNotLoaded) || len(w.Header()) > 0 {
		t.Errorf("%v, %v", err, w.Header())
	}
	for s, err = v.store.Get(v.request(), "s"); err != nil; s, err = v.store.Get(v.request(), "s") {
		time.Sleep(10 * time.Millisecond) // until a probe finds the node
	}
	if s.Values["k"] != 1 {
		t.Errorf("%v", s.Values)
	}
}
