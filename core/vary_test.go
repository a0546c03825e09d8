package msm_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestPagesMadeFromTheSessionVary checks that a response depends on the visitor if the handler has looked at the
// session, even only at whether there is one.
func TestPagesMadeFromTheSessionVary(t *testing.T) {
	t.Parallel()
	looks := map[string]func(*msm.Session){
		"Get":     func(s *msm.Session) { count.Get(s) },
		"Has":     func(s *msm.Session) { s.Has("count") },
		"Keys":    func(s *msm.Session) { s.Keys() },
		"ID":      func(s *msm.Session) { s.ID() },
		"IsNew":   func(s *msm.Session) { s.IsNew() },
		"Node":    func(s *msm.Session) { s.Node() },
		"Flashes": func(s *msm.Session) { s.Flashes() },
		"Set":     func(s *msm.Session) { count.Set(s, 1) },
		"Renew":   func(s *msm.Session) { _ = s.Renew() },
		"Destroy": func(s *msm.Session) { s.Destroy() },
		"no look": func(*msm.Session) {},
	}
	everyMode(t, func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		for name, look := range looks {
			for _, visitor := range []string{"nobody", "a visitor", "a dead id"} {
				t.Run(name+", by "+visitor, func(t *testing.T) {
					line := ""
					if visitor != "nobody" {
						line = "SESSION=" + begin(t, m, func(s *msm.Session) { add(s) })
					}
					if visitor == "a dead id" {
						visit(m, strings.TrimPrefix(line, "SESSION="), func(s *msm.Session) { s.Destroy() })
					}
					h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Vary", "Accept-Language")
						look(msm.From(r.Context()))
					}))
					want := []string{"Accept-Language", "Cookie"}
					if name == "no look" {
						want = want[:1]
					}
					if got := exchange(h, "GET", "/", withCookie(line)).Header["Vary"]; !slices.Equal(got, want) {
						t.Errorf("Vary %q; want %q", got, want)
					}
				})
			}
		}
	})
}

func TestVaryIsSaidOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header string
		before []string
		want   []string
	}{
		"nothing said":                  {"", nil, []string{"Cookie"}},
		"said":                          {"", []string{"Cookie"}, []string{"Cookie"}},
		"said in lower case":            {"", []string{"cookie"}, []string{"cookie"}},
		"said in a list":                {"", []string{"Accept-Encoding, Cookie"}, []string{"Accept-Encoding, Cookie"}},
		"something like it":             {"", []string{"X-Cookie, Cookies"}, []string{"X-Cookie, Cookies", "Cookie"}},
		"everything":                    {"", []string{"*"}, []string{"*"}},
		"by header":                     {"X-Session", nil, []string{"Cookie", "X-Session"}},
		"by header, said by a handler":  {"X-Session", []string{"x-session,cookie"}, []string{"x-session,cookie"}},
		"by header, the cookie is said": {"X-Session", []string{"Cookie"}, []string{"Cookie", "X-Session"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, msm.Config{Header: c.header})
			h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, v := range c.before {
					w.Header().Add("Vary", v)
				}
				add(msm.From(r.Context()))
			}))
			if got := exchange(h, "POST", "/", nil).Header["Vary"]; !slices.Equal(got, c.want) {
				t.Errorf("Vary %q; want %q", got, c.want)
			}
		})
	}
}

// TestTwoManagersTellCachesOnce checks that a manager does not take the headers of another one for the handler's.
func TestTwoManagersTellCachesOnce(t *testing.T) {
	t.Parallel()
	users, carts := newManager(t, msm.Config{}), newManager(t, msm.Config{Cookie: http.Cookie{Name: "CART"}})
	h := users.Middleware(carts.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		add(users.From(r.Context()))
		add(carts.From(r.Context()))
	})))
	got := exchange(h, "POST", "/", nil).Header
	if !slices.Equal(got["Vary"], []string{"Cookie"}) || !slices.Equal(got["Cache-Control"], []string{"private", `no-cache="Set-Cookie"`}) {
		t.Errorf("%q", got)
	}
}
