package msm_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

func handlerOf(f func(*msm.Session)) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(msm.From(r.Context())) })
}

// counting returns a handler that counts POST / in the session, shows the count at GET /, and logs out at POST /logout.
func counting(m *msm.Manager) http.Handler {
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		switch {
		case r.URL.Path == "/logout":
			s.Destroy()
		case r.Method == "POST":
			fmt.Fprint(w, add(s))
		default:
			fmt.Fprint(w, count.Get(s))
		}
	}))
}

var count = msm.NewKey[int]("count")

func add(s *msm.Session) int { return count.Update(s, func(n int) int { return n + 1 }) }

func destroy(s *msm.Session) { s.Destroy() }

func addOne(s *msm.Session) { add(s) }

var visitorName = msm.NewKey[string]("user")

func login(t *testing.T, m *msm.Manager, id string) (newID string) {
	t.Helper()
	resp := visit(m, id, func(s *msm.Session) {
		visitorName.Set(s, "ann")
		if err := s.Renew(); err != nil {
			t.Error(err)
		}
	})
	cookies := sessionCookies(resp)
	if resp.StatusCode != 200 || len(cookies) != 1 || cookies[0].Value == id {
		t.Fatalf("login: %d %v", resp.StatusCode, cookies)
	}
	return cookies[0].Value
}

var list = msm.NewKey[[]string]("list")

// pages handles the requests of tests that count commands.
func pages(w http.ResponseWriter, r *http.Request) {
	switch s := msm.From(r.Context()); r.URL.Path {
	case "/read":
		fmt.Fprint(w, count.Get(s))
	case "/write":
		fmt.Fprint(w, add(s))
	case "/logout":
		s.Destroy()
	}
}

// remembering is an app whose login may last.
func remembering(m *msm.Manager) http.Handler {
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		switch r.URL.Path {
		case "/login":
			_ = s.Renew()
			s.Set("user", "ann")
		case "/remember":
			_ = s.Renew()
			s.Set("user", "ann")
			s.Persist(10 * time.Minute)
		case "/persist":
			s.Persist(10 * time.Minute)
		case "/forget":
			s.Persist(0)
		case "/renew":
			_ = s.Renew()
		case "/write":
			add(s)
		case "/clear":
			s.Clear()
			s.Set("user", "ann")
		case "/logout":
			s.Destroy()
		case "/plain":
			return
		}
		fmt.Fprint(w, msm.Get[string](s, "user"))
	}))
}

// shop is an app with a login and a logout in any folder.
func shop(m *msm.Manager) http.Handler {
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		switch r.URL.Path[strings.LastIndex(r.URL.Path, "/"):] {
		case "/login":
			_ = s.Renew()
			s.Set("user", "ann")
		case "/logout":
			s.Destroy()
		}
		fmt.Fprint(w, msm.Get[string](s, "user"))
	}))
}

// recovery answers a panic with 500.
func recovery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				w.WriteHeader(500)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
