package msmgorilla_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/sessions"

	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

var (
	key  = []byte("0123456789abcdef0123456789abcdef")
	key2 = []byte("fedcba9876543210fedcba9876543210")
)

func newManager(t testing.TB, config msm.Config) *msm.Manager {
	t.Helper()
	config.Logger = slog.New(slog.DiscardHandler)
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}

// visitor keeps one cookie, as a browser does.
type visitor struct {
	store  *msmgorilla.Store
	cookie *http.Cookie
	t      *testing.T
}

func (v *visitor) request() *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	return r
}

func (v *visitor) load() *sessions.Session {
	v.t.Helper()
	s, err := v.store.Get(v.request(), "s")
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

// do sends one request and returns the cookie that it set, or nil.
func (v *visitor) do(f func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error) *http.Cookie {
	v.t.Helper()
	r, w := v.request(), httptest.NewRecorder()
	s, err := v.store.Get(r, "s")
	if err != nil {
		v.t.Fatal(err)
	}
	if err := f(r, w, s); err != nil {
		v.t.Fatal(err)
	}
	set := w.Result().Cookies()
	if len(set) == 0 {
		return nil
	}
	v.cookie = set[0]
	if v.cookie.MaxAge < 0 {
		v.cookie = nil
	}
	return set[0]
}

func save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error { return s.Save(r, w) }

func put(value any) func(*http.Request, http.ResponseWriter, *sessions.Session) error {
	return func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
		s.Values["k"] = value
		return s.Save(r, w)
	}
}

func (v *visitor) want(value any) {
	v.t.Helper()
	if s := v.load(); s.Values["k"] != value || s.IsNew != (value == nil) || (s.ID == "") != (value == nil) {
		v.t.Errorf("%v, new %v, id %q; want %v", s.Values["k"], s.IsNew, s.ID, value)
	}
}
