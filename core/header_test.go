package msm_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// carrying sets a request's cookie and its header. An empty one is not set, and "-" sets an empty header.
func carrying(cookie, header string) func(*http.Request) {
	return func(r *http.Request) {
		if cookie != "" {
			r.Header.Set("Cookie", "SESSION="+cookie)
		}
		if header != "" {
			r.Header.Set("X-Session", strings.TrimPrefix(header, "-"))
		}
	}
}

// TestTheHeaderIsForThoseWhoUseIt checks that the id goes into the header for clients whose session came by it, or that
// have asked by it, and never for a client with a cookie: no script may read that.
func TestTheHeaderIsForThoseWhoUseIt(t *testing.T) {
	t.Parallel()
	everyMode(t, func(t *testing.T, config msm.Config) {
		config.Header = "X-Session"
		m := newManager(t, config)
		new := func() string { return begin(t, m, func(s *msm.Session) { add(s) }) }
		dead := new()
		visit(m, dead, func(s *msm.Session) { s.Destroy() })
		mine, bad := "{mine}", "none" // no id has braces
		for name, c := range map[string]struct {
			cookie, header string // mine stands for a new session in each place
			found          bool
			byHeader       bool
		}{
			"a browser without a session":                {"", "", false, false},
			"a browser":                                  {mine, "", true, false},
			"a browser with a dead cookie":               {dead, "", false, false},
			"an API client":                              {"", mine, true, true},
			"an API client that asks":                    {"", bad, false, true},
			"an API client that asks by nothing":         {"", "-", false, true},
			"an API client with a dead id":               {"", dead, false, true},
			"an API client with a dead cookie":           {dead, mine, true, true},
			"an API client with two dead ids":            {dead, strings.Repeat("b", 25) + "a", false, true},
			"a bad header and a good cookie":             {mine, bad, true, false},
			"an empty header and a good cookie":          {mine, "-", true, false},
			"a dead header and a good cookie":            {mine, dead, true, false},
			"a bad header and a dead cookie":             {dead, bad, false, true},
			"a good header and another's cookie":         {mine, mine, true, true},
			"a good header and two cookies that live":    {mine + "; SESSION=" + mine, mine, true, true},
			"a bad header and two cookies that live":     {mine + "; SESSION=" + mine, bad, false, true},
			"a good header and a dead one among cookies": {dead + "; SESSION=" + mine, mine, true, true},
		} {
			t.Run(name, func(t *testing.T) {
				fresh := func(s string) string {
					for strings.Contains(s, mine) {
						s = strings.Replace(s, mine, new(), 1)
					}
					return s
				}
				request := carrying(fresh(c.cookie), fresh(c.header))
				var id string
				var found, byHeader bool
				h := m.Middleware(handlerOf(func(s *msm.Session) {
					found, byHeader = !s.IsNew(), s.ByHeader()
					_ = s.Renew() // so that there is an id to send
					add(s)
					id = s.ID()
				}))
				resp := exchange(h, "POST", "/", request)
				if found != c.found || byHeader != c.byHeader {
					t.Errorf("found: %v, by header: %v", found, byHeader)
				}
				inCookie := len(sessionCookies(resp)) == 1 && sessionCookies(resp)[0].Value == id
				if inHeader := resp.Header.Get("X-Session") == id; inHeader != c.byHeader || inCookie == c.byHeader {
					t.Errorf("the id is in the header: %v, in a cookie: %v", inHeader, inCookie)
				}
				if c.byHeader == (len(resp.Header["Set-Cookie"]) > 0) || c.byHeader != (resp.Header["X-Session"] != nil) {
					t.Errorf("%v", resp.Header)
				}
			})
		}
	})
}

// TestAHeaderIsNotCached checks that shared caches keep neither the header nor the response that depends on it.
func TestAHeaderIsNotCached(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{Header: "X-Session"})
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		fmt.Fprint(w, add(msm.From(r.Context())))
	}))
	first := exchange(h, "POST", "/", carrying("", "-"))
	id := first.Header.Get("X-Session")
	second := exchange(h, "GET", "/", carrying("", id))
	if body := bodyOf(second); body != "2" || second.Header.Get("X-Session") != "" {
		t.Errorf("counts %s; X-Session %q", body, second.Header.Get("X-Session"))
	}
	for _, c := range []struct {
		got  http.Header
		want []string
	}{
		{first.Header, []string{"private, max-age=60", `no-cache="X-Session"`}}, {second.Header, []string{"private, max-age=60"}},
	} {
		if !slices.Equal(c.got["Cache-Control"], c.want) || !slices.Equal(c.got["Vary"], []string{"Cookie", "X-Session"}) {
			t.Errorf("%q; want %q", c.got, c.want)
		}
	}
}

// TestAnAPIClientLogsInAndOut without ever seeing a cookie.
func TestAnAPIClientLogsInAndOut(t *testing.T) {
	t.Parallel()
	h := shop(newManager(t, msm.Config{Header: "X-Session"}))
	id := exchange(h, "POST", "/login", carrying("", "-")).Header.Get("X-Session")
	again := exchange(h, "POST", "/login", carrying("", id))
	if next := again.Header.Get("X-Session"); next == id || next == "" || len(again.Header["Set-Cookie"]) > 0 {
		t.Fatalf("%v", again.Header)
	}
	id = again.Header.Get("X-Session")
	if got := bodyOf(exchange(h, "GET", "/", carrying("", id))); got != "ann" {
		t.Errorf("after the login it is %q", got)
	}
	if out := exchange(h, "POST", "/logout", carrying("", id)); len(out.Header["Set-Cookie"]) > 0 {
		t.Errorf("the logout sets %v", out.Header)
	}
	if got := bodyOf(exchange(h, "GET", "/", carrying("", id))); got != "" {
		t.Errorf("after the logout it is %q", got)
	}
}

// TestWithoutConfigHeaderNoHeaderCounts checks that a header is not read unless it is configured.
func TestWithoutConfigHeaderNoHeaderCounts(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { add(s) })
	resp := exchange(m.Middleware(handlerOf(func(s *msm.Session) {
		if !s.IsNew() || s.ByHeader() {
			t.Errorf("new: %v, by header: %v", s.IsNew(), s.ByHeader())
		}
	})), "GET", "/", carrying("", id))
	if !slices.Equal(resp.Header["Vary"], []string{"Cookie"}) {
		t.Errorf("%v", resp.Header)
	}
}

// TestByHeaderOfNobody checks that ByHeader is false if the session cannot be loaded, so that no check lets the request
// pass.
func TestByHeaderOfNobody(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 1)
	m := newManager(t, msm.Config{Nodes: list, Header: "X-Session"})
	id := begin(t, m, func(s *msm.Session) { add(s) })
	servers["n1"].Kill()
	exchange(m.Middleware(handlerOf(func(s *msm.Session) {
		if s.ByHeader() {
			t.Error("a session that cannot be loaded came by header")
		}
	})), "GET", "/", carrying("", id))
}
