package msmgorilla_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
	msmgorilla "github.com/gomsm/msm/gorilla"
	"github.com/gorilla/sessions"
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

// TestStore runs every case in fake time.
func TestStore(t *testing.T) {
	for keys, pairs := range map[string][][]byte{"signed": {key}, "encrypted": {key, key2}, "bare": nil} {
		for name, run := range cases {
			t.Run(keys+": "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					run(&visitor{msmgorilla.NewStore(newManager(t, msm.Config{}), pairs...), nil, t})
				})
			})
		}
	}
}

var cases = map[string]func(v *visitor){
	"what is saved is loaded": func(v *visitor) {
		v.want(nil)
		v.do(put(1))
		v.want(1)
		v.do(put("two"))
		v.want("two")
	},
	"the cookie": func(v *visitor) {
		c := v.do(put(1))
		if c.Path != "/" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.MaxAge != 30*24*60*60 {
			v.t.Errorf("%+v", c)
		}
		r, w := v.request(), httptest.NewRecorder()
		r.TLS = &tls.ConnectionState{}
		s, _ := v.store.Get(r, "s")
		if err := s.Save(r, w); err != nil || !w.Result().Cookies()[0].Secure {
			v.t.Errorf("by TLS: %v, %v", err, w.Header())
		}
	},
	"a negative MaxAge deletes, whoever has the cookie": func(v *visitor) {
		v.do(put(1))
		old := v.cookie
		c := v.do(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			s.Options.MaxAge = -1
			return s.Save(r, w)
		})
		if c.MaxAge >= 0 || c.Value != "" {
			v.t.Errorf("%+v", c)
		}
		v.cookie = old
		v.want(nil)
	},
	"a request slower than the logout does not bring it back": func(v *visitor) {
		v.do(put(1))
		slow := v.load()
		old := v.cookie
		v.do(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			s.Options.MaxAge = -1
			return s.Save(r, w)
		})
		v.cookie = old
		if err := slow.Save(v.request(), httptest.NewRecorder()); !errors.Is(err, msm.ErrGone) {
			v.t.Error(err)
		}
		v.want(nil)
	},
	"logout without a session": func(v *visitor) {
		v.store.Options.MaxAge = -1
		v.do(save)
	},
	"an id that is unknown is never adopted": func(v *visitor) {
		v.do(put(1))
		known := v.cookie.Value
		v.store = msmgorilla.NewStore(newManager(v.t, msm.Config{}), key) // has none of the values
		for _, id := range []string{known, "x", "!x", "", strings.Repeat("A", 52)} {
			v.cookie = &http.Cookie{Name: "s", Value: id}
			v.want(nil)
			if v.do(put(2)); v.cookie.Value == id {
				v.t.Errorf("%q was adopted", id)
			}
			v.want(2)
		}
	},
	"the id of one session is worth nothing as that of another": func(v *visitor) {
		v.do(put(1))
		v.cookie.Name = "other"
		if s, err := v.store.Get(v.request(), "other"); err != nil || !s.IsNew {
			v.t.Errorf("%v, %v", s, err)
		}
	},
	"Renew gives a new id, and the old one is dead": func(v *visitor) {
		v.do(put(1))
		old := v.cookie
		v.do(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			s.Values["k"] = 2
			return v.store.Renew(r, w, s)
		})
		v.want(2)
		if v.cookie.Value == old.Value {
			v.t.Error("the id is the same")
		}
		v.cookie = old
		v.want(nil)
	},
	"Renew that nobody waits for leaves the old id": func(v *visitor) {
		v.do(put(1))
		ctx, gone := context.WithCancel(context.Background())
		gone()
		r, w := v.request().WithContext(ctx), httptest.NewRecorder()
		s := v.load()
		old := s.ID
		if err := v.store.Renew(r, w, s); !errors.Is(err, context.Canceled) || len(w.Header()) > 0 || s.ID != old {
			v.t.Errorf("%v, %v", err, w.Header())
		}
		v.want(1)
	},
	"Renew of a new session saves it": func(v *visitor) {
		v.do(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			s.Values["k"] = 1
			return v.store.Renew(r, w, s)
		})
		v.want(1)
	},
	"MaxAge ends the session, and each Save extends it": func(v *visitor) {
		v.store.Options.MaxAge = 10
		v.do(put(1))
		time.Sleep(9 * time.Second)
		v.do(put(2))
		time.Sleep(9 * time.Second)
		v.want(2)
		time.Sleep(2 * time.Second)
		v.want(nil)
	},
	"MaxAge 0 goes with the browser": func(v *visitor) {
		v.store.Options.MaxAge = 0
		if c := v.do(put(1)); c.MaxAge != 0 || !c.Expires.IsZero() {
			v.t.Errorf("%+v", c)
		}
		v.want(1)
		v.store.IdleTimeout = time.Minute
		v.do(put(2))
		time.Sleep(time.Minute - time.Second)
		v.want(2)
		time.Sleep(2 * time.Second)
		v.want(nil)
	},
	"MaxAge of more than 30 days": func(v *visitor) {
		v.store.Options.MaxAge = 400 * 24 * 60 * 60
		v.do(put(1))
		v.want(1)
	},
	"more than 4 KB": func(v *visitor) {
		big := strings.Repeat("x", 100_000)
		v.do(put(big))
		v.want(big)
	},
	"flashes are seen once": func(v *visitor) {
		v.do(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
			s.AddFlash("hello")
			return s.Save(r, w)
		})
		for _, want := range []string{"[hello]", "[]"} {
			v.do(func(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
				if got := fmt.Sprint(s.Flashes()); got != want {
					v.t.Errorf("%s; want %s", got, want)
				}
				return s.Save(r, w)
			})
		}
	},
	"a type that gob does not know": func(v *visitor) {
		type local struct{ A int }
		r := v.request()
		s, _ := v.store.Get(r, "s")
		s.Values["k"] = local{1}
		w := httptest.NewRecorder()
		if err := s.Save(r, w); err == nil || !strings.Contains(err.Error(), "local") || len(w.Header()) > 0 {
			v.t.Errorf("%v, %v", err, w.Header())
		}
	},
	"what cannot be decoded is an error, and is kept": func(v *visitor) {
		v.do(put(1))
		v.store.Serializer = broken{}
		s, err := v.store.Get(v.request(), "s")
		if !errors.Is(err, errBroken) || s.IsNew || len(s.Values) > 0 {
			v.t.Errorf("%v, %+v", err, s)
		}
		w := httptest.NewRecorder()
		for what, err := range map[string]error{"Save": s.Save(v.request(), w), "Renew": v.store.Renew(v.request(), w, s)} {
			if !errors.Is(err, msmgorilla.ErrNotLoaded) || len(w.Header()) > 0 {
				v.t.Errorf("%s: %v, %v", what, err, w.Header())
			}
		}
		v.store.Serializer = nil
		v.want(1)
		s.Options.MaxAge = -1
		if err := s.Save(v.request(), w); err != nil {
			v.t.Errorf("logout: %v", err)
		}
		v.want(nil)
	},
}

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

// TestWithoutAManager checks that a missing Manager is reported when the app starts, not to the first visitor.
func TestWithoutAManager(t *testing.T) {
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "Manager") || !strings.Contains(said, "msm.New") {
			t.Errorf("%q", said)
		}
	}()
	msmgorilla.NewStore(nil)
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Serialize(any) ([]byte, error) { return nil, errBroken }

func (broken) Deserialize(_ []byte, dst any) error {
	(*dst.(*map[any]any))["half"] = "done"
	return errBroken
}

func TestKeysRotate(t *testing.T) {
	m := newManager(t, msm.Config{})
	v := &visitor{msmgorilla.NewStore(m, key), nil, t}
	v.do(put(1))
	v.store = msmgorilla.NewStore(m, key2, nil, key, nil)
	v.want(1)
	v.store = msmgorilla.NewStore(m, key2)
	v.want(nil)
}

// TestStoreTrouble checks that a node that does not answer logs nobody out.
func TestStoreTrouble(t *testing.T) {
	server := msmtest.StartServer(t)
	v := &visitor{msmgorilla.NewStore(newManager(t, msm.Config{Nodes: server.Addr(), OpTimeout: 2 * time.Second}), key), nil, t}
	v.do(put(1))
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

// ginOptions has the shape of gin-contrib's options.
type ginOptions struct{ MaxAge int }

func (o ginOptions) ToGorillaOptions() *sessions.Options { return &sessions.Options{MaxAge: o.MaxAge} }

func TestGin(t *testing.T) {
	g := msmgorilla.NewGin[ginOptions](newManager(t, msm.Config{}), key)
	var store interface {
		sessions.Store
		Options(ginOptions)
	} = g
	store.Options(ginOptions{MaxAge: 7})
	v := &visitor{g.Store, nil, t}
	if c := v.do(put(1)); c.MaxAge != 7 || c.HttpOnly {
		t.Errorf("%+v", c)
	}
	v.want(1)
}

func Example() {
	m, err := msm.New(msm.Config{}) // Nodes: "n1:cache1:11211,n2:cache2:11211" keeps sessions in memcached
	if err != nil {
		panic(err)
	}
	defer m.Close(context.Background())
	store := msmgorilla.NewStore(m, []byte("secret-key"))

	handler := func(w http.ResponseWriter, r *http.Request) {
		session, err := store.Get(r, "my-session")
		if err != nil {
			http.Error(w, "no session at the moment", http.StatusServiceUnavailable)
			return
		}
		n, _ := session.Values["visits"].(int)
		session.Values["visits"] = n + 1
		if err := session.Save(r, w); err != nil {
			http.Error(w, "no session at the moment", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "visit", n+1)
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("POST", "/", nil))
	fmt.Print(w.Body)
	// Output: visit 1
}
