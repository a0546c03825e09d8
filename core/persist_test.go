package msm_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestRememberMe checks Persist and its opposite, step by step. A step is a pause, a request, and the life of the
// cookie that it sets: 0 for one that ends with the browser, none for no cookie.
func TestRememberMe(t *testing.T) {
	t.Parallel()
	const none, long, short = -2, 600, 60
	const second, minute = time.Second, time.Minute
	session := msm.Config{IdleTimeout: 40 * second}
	lasting := msm.Config{IdleTimeout: 2 * minute, Cookie: http.Cookie{MaxAge: short}}
	bounded := msm.Config{IdleTimeout: 40 * second, AbsoluteTimeout: 2 * minute}
	type step struct {
		pause time.Duration
		path  string
		life  int
		user  string
	}
	for name, c := range map[string]struct {
		config msm.Config
		steps  []step
	}{
		"not remembered, the session idles out": {session, []step{{0, "/login", 0, "ann"}, {50 * second, "/", none, ""}}},
		"remembered, the visitor comes back":    {session, []step{{0, "/remember", long, "ann"}, {50 * second, "/", none, "ann"}}},
		"remembered until it slides":            {session, []step{{0, "/remember", long, "ann"}, {61 * second, "/", long, "ann"}, {59 * second, "/", none, "ann"}, {2 * second, "/", long, "ann"}}},
		"remembered, and renewed":               {session, []step{{0, "/remember", long, "ann"}, {second, "/renew", long, "ann"}, {50 * second, "/", none, "ann"}, {second, "/login", long, "ann"}}},
		"remembered, and cleared":               {session, []step{{0, "/remember", long, "ann"}, {second, "/clear", none, "ann"}, {50 * second, "/renew", long, "ann"}}},
		"remembered later":                      {session, []step{{0, "/login", 0, "ann"}, {second, "/remember", long, "ann"}, {50 * second, "/", none, "ann"}}},
		"remembered later, with the same id":    {session, []step{{0, "/login", 0, "ann"}, {second, "/persist", long, "ann"}, {second, "/", none, "ann"}, {50 * second, "/", none, "ann"}}},
		"remembered, and forgotten":             {session, []step{{0, "/remember", long, "ann"}, {second, "/forget", 0, "ann"}, {second, "/", none, "ann"}, {50 * second, "/", none, ""}}},
		"forgotten and remembered again":        {session, []step{{0, "/login", 0, "ann"}, {0, "/forget", none, "ann"}, {0, "/persist", long, "ann"}}},
		"ended by a logout":                     {session, []step{{0, "/remember", long, "ann"}, {second, "/logout", -1, ""}, {second, "/login", 0, "ann"}, {50 * second, "/", none, ""}}},
		"ended by the absolute timeout":         {bounded, []step{{0, "/remember", long, "ann"}, {59 * second, "/", none, "ann"}, {62 * second, "/", none, ""}}},
		"all are remembered":                    {lasting, []step{{0, "/login", short, "ann"}, {3 * second, "/", none, "ann"}, {4 * second, "/", short, "ann"}, {50 * second, "/", short, "ann"}}},
		"all are, but this one":                 {lasting, []step{{0, "/login", short, "ann"}, {second, "/forget", 0, "ann"}, {50 * second, "/", none, "ann"}, {second, "/renew", 0, "ann"}, {50 * second, "/", none, "ann"}}},
		"all are, and this one for longer":      {lasting, []step{{0, "/login", short, "ann"}, {second, "/persist", long, "ann"}, {second, "/", none, "ann"}, {3 * minute, "/", long, "ann"}}},
		"used now and then":                     {session, []step{{0, "/remember", long, "ann"}, {6 * minute, "/", long, "ann"}, {6 * minute, "/write", long, "ann"}}},
	} {
		t.Run(name, func(t *testing.T) {
			fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
				b := newBrowser(t).at(remembering(another(c.config)))
				for _, s := range c.steps {
					time.Sleep(s.pause)
					body, lives := b.visited(s.path)
					if s.life == none && len(lives) > 0 || s.life != none && (len(lives) != 1 || lives[0] != s.life) || body != s.user {
						t.Fatalf("%s after %v: %q, cookies of %v; want %q, %d", s.path, s.pause, body, lives, s.user, s.life)
					}
				}
			})
		})
	}
}

// TestAnotherInstanceRemembersToo checks that Persist is stored with the session, also over a restart and a takeover.
func TestAnotherInstanceRemembersToo(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		first, second := another(msm.Config{IdleTimeout: time.Minute}), another(msm.Config{IdleTimeout: time.Minute})
		b := newBrowser(t).at(remembering(first))
		b.visited("/remember")
		time.Sleep(time.Second)
		b.at(remembering(second)).visited("/renew")
		if _, lives := b.at(remembering(first)).visited("/renew"); len(lives) != 1 || lives[0] != 600 {
			t.Errorf("cookies of %v", lives)
		}
		time.Sleep(3 * time.Minute)
		if body, _ := b.at(remembering(second)).visited("/"); body != "ann" {
			t.Errorf("after three minutes the visitor is %q", body)
		}
	})
}

// TestPersistBesideAnotherChange checks that Persist and a change of an attribute survive in parallel requests.
func TestPersistBesideAnotherChange(t *testing.T) {
	t.Parallel()
	everyMode(t, func(t *testing.T, config msm.Config) {
		if config.Locking != "" {
			return // the requests would wait for each other
		}
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		visit(m, id, func(s *msm.Session) {
			s.Persist(time.Hour)
			visit(m, id, func(s *msm.Session) { s.Set("user", "ann") })
		})
		resp := visit(m, id, func(s *msm.Session) {
			if got := msm.Get[string](s, "user"); got != "ann" {
				t.Errorf("the other change is %q", got)
			}
			_ = s.Renew()
		})
		if got := sessionCookies(resp); len(got) != 1 || got[0].MaxAge != 3600 {
			t.Errorf("%v", got)
		}
	})
}

// TestClearLeavesPersist checks it also when Clear is applied again, to what another request has stored meanwhile.
func TestClearLeavesPersist(t *testing.T) {
	t.Parallel()
	everyMode(t, func(t *testing.T, config msm.Config) {
		if config.Locking != "" {
			return
		}
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		visit(m, id, func(s *msm.Session) {
			s.Persist(time.Hour)
			s.Clear()
			s.Set("user", "ann")
			visit(m, id, func(s *msm.Session) { s.Set("other", 1) })
		})
		if got := sessionCookies(visit(m, id, func(s *msm.Session) { _ = s.Renew() })); len(got) != 1 || got[0].MaxAge != 3600 {
			t.Errorf("%v", got)
		}
	})
}

// TestARestartKnowsWhenTheCookieWasSent checks that a sticky instance stores that with the session's next write.
func TestARestartKnowsWhenTheCookieWasSent(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		config := msm.Config{Route: "r1", Cookie: http.Cookie{MaxAge: 100}}
		first := another(config)
		b := newBrowser(t).at(remembering(first))
		b.visited("/login")
		time.Sleep(20 * time.Second)
		if _, lives := b.visited("/write"); len(lives) != 1 {
			t.Fatalf("cookies of %v", lives)
		}
		b.visited("/write")
		time.Sleep(time.Second)
		if err := first.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, lives := b.at(remembering(another(config))).visited("/"); len(lives) != 0 {
			t.Errorf("after the restart: cookies of %v", lives)
		}
	})
}

// TestPersistIsRefused checks the calls of Persist that are errors.
func TestPersistIsRefused(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	for name, d := range map[string]time.Duration{"less than a second": time.Second - 1, "less than nothing": -time.Hour} {
		resp := visit(m, "", func(s *msm.Session) {
			s.Set("a", 1)
			if s.Persist(d); s.Err() == nil {
				t.Errorf("%s is taken", name)
			}
		})
		if resp.StatusCode < 500 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	id := begin(t, m, func(s *msm.Session) { add(s) })
	for _, d := range []time.Duration{0, time.Hour} {
		exchange(m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := msm.From(r.Context())
			count.Get(s)
			fmt.Fprint(w, "begun")
			if s.Persist(d); !errors.Is(s.Err(), msm.ErrCommitted) {
				t.Errorf("after the response began: %v", s.Err())
			}
		})), "GET", "/", withCookie("SESSION="+id))
	}
}

// TestALateRequestDoesNotBringBackTheOldCookie has a request begin before a login, and end after it, when its cookie is
// due.
func TestALateRequestDoesNotBringBackTheOldCookie(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		m := another(msm.Config{Cookie: http.Cookie{MaxAge: 100}})
		if strings.Contains(t.Name(), "locks") {
			return // the requests would wait for each other
		}
		id := begin(t, m, func(s *msm.Session) { add(s) })
		time.Sleep(20 * time.Second)
		late := exchange(m.Middleware(handlerOf(func(s *msm.Session) {
			count.Get(s)
			visit(m, id, func(s *msm.Session) { _ = s.Renew() })
		})), "GET", "/", withCookie("SESSION="+id))
		if len(late.Header["Set-Cookie"]) > 0 {
			t.Errorf("it sets %q", late.Header["Set-Cookie"])
		}
	})
}

// TestAPIClientsNeedNoCookieAgain checks that clients that use Config.Header get no cookie.
func TestAPIClientsNeedNoCookieAgain(t *testing.T) {
	t.Parallel()
	fakeModes(t, func(t *testing.T, another func(msm.Config) *msm.Manager) {
		h := counting(another(msm.Config{Header: "X-Session", Cookie: http.Cookie{MaxAge: 100}}))
		id := exchange(h, "POST", "/", carrying("", "-")).Header.Get("X-Session")
		for range 5 {
			time.Sleep(30 * time.Second)
			resp := exchange(h, "POST", "/", carrying("", id))
			if len(resp.Header["Set-Cookie"]) > 0 || resp.Header.Get("X-Session") != "" {
				t.Fatalf("%v", resp.Header)
			}
		}
	})
}
