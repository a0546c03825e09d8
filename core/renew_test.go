package msm_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func TestRenewAndDestroy(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]msm.Config{"in memory": {}, "on two nodes": {Nodes: "two"}} {
		t.Run(name, func(t *testing.T) {
			if config.Nodes != "" {
				config.Nodes, _ = startServers(t, 2)
			}
			m := newManager(t, config)
			h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := msm.From(r.Context())
				switch r.URL.Path {
				case "/add":
					add(s)
				case "/login":
					if err := s.Renew(); err != nil {
						t.Error(err)
					}
					s.Set("user", "ann")
				case "/logout":
					s.Destroy()
				case "/relogin":
					s.Destroy()
					s.Set("user", "bob")
				}
				fmt.Fprint(w, count.Get(s), msm.Get[string](s, "user"), s.ID())
			}))
			id := sessionCookies(exchange(h, "POST", "/add", nil))[0].Value
			at := func(path, id string) (string, []*http.Cookie) {
				resp := exchange(h, "POST", path, withCookie("SESSION="+id))
				return bodyOf(resp), sessionCookies(resp)
			}
			body, cookies := at("/login", id)
			renewed := cookies[0].Value
			if renewed == id || body != "1ann"+renewed {
				t.Errorf("login: %q, id %q", body, renewed)
			}
			if body, _ := at("/", id); body != "0" {
				t.Errorf("the id from before the login still works: %q", body)
			}
			body, cookies = at("/relogin", renewed)
			if len(cookies) != 1 || body != "0bob"+cookies[0].Value {
				t.Errorf("destroyed and begun anew: %q %v", body, cookies)
			}
			again := cookies[0].Value
			body, cookies = at("/logout", again)
			if body != "0" || len(cookies) != 1 || cookies[0].MaxAge >= 0 {
				t.Errorf("logout: %q %v", body, cookies)
			}
			for _, dead := range []string{id, renewed, again} {
				if body, cookies := at("/", dead); body != "0" || len(cookies) > 0 {
					t.Errorf("dead id: %q %v", body, cookies)
				}
			}
			if _, cookies := at("/logout", again); len(cookies) != 1 || cookies[0].MaxAge >= 0 {
				t.Errorf("logout without a session clears the cookie: %v", cookies)
			}
		})
	}
}

// TestRenewTakesAlongWhatOthersStoreMeanwhile checks that a request that runs during a login does not lose its change.
func TestRenewTakesAlongWhatOthersStoreMeanwhile(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { s.Set("a", 1) })
	resp := visit(m, id, func(login *msm.Session) {
		if err := login.Renew(); err != nil {
			t.Error(err)
		}
		login.Set("user", "ann")
		visit(m, id, func(s *msm.Session) { s.Set("b", 2) })
	})
	visit(m, sessionCookies(resp)[0].Value, func(s *msm.Session) {
		if !slices.Equal(s.Keys(), []string{"a", "b", "user"}) {
			t.Errorf("%v", s.Keys())
		}
	})
}
