package msmgorilla_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/sessions"

	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

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
