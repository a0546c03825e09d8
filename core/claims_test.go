package msm_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

// everyMode runs a test in every mode in which a session is found differently, on two nodes.
func everyMode(t *testing.T, test func(t *testing.T, config msm.Config)) {
	list, _ := startServers(t, 2)
	for name, config := range map[string]msm.Config{
		"in memory":       {},
		"non-sticky":      {Nodes: list},
		"signed":          {Nodes: list, SigningKeys: [][]byte{[]byte(strings.Repeat("k", 32))}},
		"with locks":      {Nodes: list, Locking: msm.LockAll, LockWait: patience},
		"with auto locks": {Nodes: list, Locking: msm.LockAuto, LockWait: patience},
		"sticky, async":   {Nodes: list, Sticky: true},
		"sticky, sync":    {Nodes: list, Sticky: true, BackupSync: true, Backups: 1},
	} {
		t.Run(name, func(t *testing.T) { test(t, config) })
	}
}

// TestOfSeveralCookiesTheOneThatLives is the client's. None is if two do, for someone may have planted one.
func TestOfSeveralCookiesTheOneThatLives(t *testing.T) {
	everyMode(t, func(t *testing.T, config msm.Config) {
		m := newManager(t, config)
		h := counting(m)
		elsewhere := newManager(t, msm.Config{SigningKeys: config.SigningKeys}) // with nodes of its own
		mine, other, dead := sessionOf(t, h), sessionOf(t, h), sessionOf(t, h)
		foreign := sessionOf(t, counting(elsewhere))
		visit(m, dead, func(s *msm.Session) { s.Destroy() })
		for name, c := range map[string]struct {
			ids   []string
			known bool
		}{
			"a dead one first":              {[]string{dead, mine}, true},
			"a dead one last":               {[]string{mine, dead}, true},
			"one of another app first":      {[]string{foreign, mine}, true},
			"one of another app last":       {[]string{mine, foreign}, true},
			"all three":                     {[]string{foreign, mine, dead}, true},
			"another that lives":            {[]string{mine, other}, false},
			"another that lives, in front":  {[]string{other, mine}, false},
			"one that lives and a dead one": {[]string{mine, dead, other}, false},
		} {
			t.Run(name, func(t *testing.T) {
				line := withCookie("SESSION=" + strings.Join(c.ids, "; SESSION="))
				if got := bodyOf(exchange(h, "GET", "/", line)); (got != "0") != c.known {
					t.Errorf("a read counts %s", got)
				}
				before := bodyOf(exchange(h, "GET", "/", withCookie("SESSION="+mine)))
				if got := bodyOf(exchange(h, "POST", "/", line)); (got != "1") != c.known {
					t.Errorf("a write counts %s", got)
				}
				if after := bodyOf(exchange(h, "GET", "/", withCookie("SESSION="+mine))); (after != before) != c.known {
					t.Errorf("before the write it counted %s, and after it %s", before, after)
				}
			})
		}
	})
}

// TestAnotherInstanceTellsCookiesApart, also in sticky mode, without taking over what it only looks at.
func TestAnotherInstanceTellsCookiesApart(t *testing.T) {
	everyMode(t, func(t *testing.T, config msm.Config) {
		if config.Nodes == "" {
			return
		}
		first, second := newManager(t, config), newManager(t, config)
		mine, other := sessionOf(t, counting(first)), sessionOf(t, counting(first))
		dead := sessionOf(t, counting(first))
		visit(first, dead, func(s *msm.Session) { s.Destroy() })
		waitFor(t, "the write-behind", func() bool { l := first.Stats().Local; return l == nil || l.PendingSessions == 0 })
		if got := bodyOf(exchange(counting(second), "GET", "/", withCookie("SESSION="+mine+"; SESSION="+other))); got != "0" {
			t.Errorf("of two that live one counts %s", got)
		}
		if l := second.Stats().Local; l != nil && l.Takeovers != 0 {
			t.Errorf("%d takeovers of sessions that it only looked at", l.Takeovers)
		}
		if got := bodyOf(exchange(counting(second), "POST", "/", withCookie("SESSION="+dead+"; SESSION="+mine))); got != "2" {
			t.Errorf("the one that lives counts %s", got)
		}
	})
}

// TestNobodyIsBelievedOfWhomNothingIsKnown: a node that does not answer may have the session of the other cookie.
func TestNobodyIsBelievedOfWhomNothingIsKnown(t *testing.T) {
	list, servers := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, Backups: msm.NoBackup})
	h := counting(m)
	onNode := func(node string) string {
		for {
			if id := sessionOf(t, h); strings.HasSuffix(id, "-"+node) {
				return id
			}
		}
	}
	here, there := onNode("n1"), onNode("n2")
	servers["n2"].Kill()
	resp := exchange(h, "GET", "/", withCookie("SESSION="+here+"; SESSION="+there))
	if resp.StatusCode != http.StatusServiceUnavailable || len(resp.Header["Set-Cookie"]) > 0 {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// TestAnUnreadableSessionIsAnotherApps, if a cookie beside it leads to one that can be read. Alone it is an error, as ever.
func TestAnUnreadableSessionIsAnotherApps(t *testing.T) {
	list, _ := startServers(t, 1)
	m := newManager(t, msm.Config{Nodes: list, Transcoder: transcoder.JSON()})
	foreign, mine := sessionOf(t, counting(newManager(t, msm.Config{Nodes: list}))), sessionOf(t, counting(m))
	for line, status := range map[string]int{
		"SESSION=" + foreign + "; SESSION=" + mine: 200, "SESSION=" + mine + "; SESSION=" + foreign: 200, "SESSION=" + foreign: 503,
		"SESSION=" + foreign + "; SESSION=" + strings.Repeat("a", 26): 503,
	} {
		resp := exchange(counting(m), "GET", "/", withCookie(line))
		if body := bodyOf(resp); resp.StatusCode != status || status == 200 && body != "1" {
			t.Errorf("%d %q; want %d", resp.StatusCode, body, status)
		}
	}
}

// TestRequestsThatNeverLookKeepTheOneThatLives, of several cookies, and none of two.
func TestRequestsThatNeverLookKeepTheOneThatLives(t *testing.T) {
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true}} {
		for name, two := range map[string]bool{"beside a dead one": false, "beside another that lives": true} {
			t.Run(mode+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newManager(t, config)
					mine, other := sessionOf(t, counting(m)), sessionOf(t, counting(m))
					if !two {
						visit(m, other, func(s *msm.Session) { s.Destroy() })
					}
					for range 12 {
						time.Sleep(5 * time.Minute)
						exchange(m.Middleware(handlerOf(func(*msm.Session) {})), "GET", "/", withCookie("SESSION="+other+"; SESSION="+mine))
						synctest.Wait()
					}
					visit(m, mine, func(s *msm.Session) {
						if s.IsNew() != two {
							t.Errorf("after an hour it is gone: %v", s.IsNew())
						}
					})
				})
			})
		}
	}
}

// TestTwoCookiesCostTwoLooks: who has an ordinary cookie pays nothing for those that have two.
func TestTwoCookiesCostTwoLooks(t *testing.T) {
	m := newManager(t, msm.Config{})
	mine, dead := sessionOf(t, counting(m)), sessionOf(t, counting(m))
	visit(m, dead, func(s *msm.Session) { s.Destroy() })
	for line, want := range map[string]uint64{"SESSION=" + mine: 1, "SESSION=" + mine + "; SESSION=" + mine: 1, "SESSION=" + mine + "; SESSION=" + dead: 3} {
		before := m.Stats().Loads
		exchange(counting(m), "GET", "/", withCookie(line))
		if got := m.Stats().Loads - before; got > want {
			t.Errorf("%d loads, of %d cookies; want %d", got, strings.Count(line, "="), want)
		}
	}
}

// browser is a client with a cookie jar, for an app under a name with parents.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{&http.Client{Jar: jar}, t}
}

// at has the browser see that app under http://shop.example.com.
func (b *browser) at(h http.Handler) *browser {
	b.Transport = inProcess{h}
	return b
}

type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RemoteAddr = "192.0.2.1:1234"
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result(), nil
}

func (b *browser) do(method, path string) string {
	b.t.Helper()
	req, err := http.NewRequest(method, "http://shop.example.com"+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return bodyOf(resp)
}

func (b *browser) cookies(path string) int {
	return len(b.Jar.Cookies(mustURL("http://shop.example.com" + path)))
}

// plant gives the browser a cookie of a sibling subdomain for the whole domain.
func (b *browser) plant(id, path string) {
	b.Jar.SetCookies(&url.URL{Scheme: "http", Host: "evil.example.com", Path: "/"}, []*http.Cookie{{Name: "SESSION", Value: id, Domain: "example.com", Path: path}})
}

// shop is an app with a login and a logout in a folder.
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

// TestADeployWithAnotherCookie: visitors have a cookie of before, which lies elsewhere. If its session is dead they notice
// nothing, and it is removed; if it lives the next login removes it.
func TestADeployWithAnotherCookie(t *testing.T) {
	for name, c := range map[string]struct{ before, after http.Cookie }{
		"from a folder to the root":            {http.Cookie{Path: "/shop"}, http.Cookie{}},
		"from a folder with a slash":           {http.Cookie{Path: "/shop/"}, http.Cookie{}},
		"from a deep folder to the root":       {http.Cookie{Path: "/shop/x"}, http.Cookie{}},
		"from the host to the domain":          {http.Cookie{}, http.Cookie{Domain: "example.com"}},
		"from the host's folder to the domain": {http.Cookie{Path: "/shop"}, http.Cookie{Domain: "example.com"}},
		"from the domain's folder to its root": {http.Cookie{Domain: "example.com", Path: "/shop"}, http.Cookie{Domain: "example.com"}},
	} {
		for _, lives := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, the old session lives: %v", name, lives), func(t *testing.T) {
				list, _ := startServers(t, 2)
				before, after := newManager(t, msm.Config{Nodes: list, Cookie: c.before}), newManager(t, msm.Config{Nodes: list, Cookie: c.after})
				b := newBrowser(t)
				b.at(shop(before)).do("POST", "/shop/x/login")
				old := b.Jar.Cookies(mustURL("http://shop.example.com/shop/x/a"))[0].Value
				b.at(shop(after))
				b.plantOurs(c.after, begin(t, after, func(s *msm.Session) { s.Set("user", "bob") }))
				if n := b.cookies("/shop/x/a"); n != 2 {
					t.Fatalf("the browser has %d cookies", n)
				}
				want := "bob"
				if !lives {
					visit(after, old, func(s *msm.Session) { s.Destroy() })
				} else {
					want = "ann"
					b.do("POST", "/shop/x/login")
				}
				if got := b.do("GET", "/shop/x/a"); got != want {
					t.Errorf("the visitor is %q; want %q", got, want)
				}
				if n := b.cookies("/shop/x/a"); n != 1 {
					t.Errorf("%d cookies are left", n)
				}
				if got := b.do("GET", "/shop/x/a") + b.do("GET", "/"); got != want+want {
					t.Errorf("later the visitor is %q; want %q", got, want)
				}
			})
		}
	}
}

// plantOurs gives the browser the cookie that the manager of that template would have set.
func (b *browser) plantOurs(template http.Cookie, id string) {
	template.Name, template.Value = "SESSION", id
	if template.Path == "" {
		template.Path = "/"
	}
	b.Jar.SetCookies(mustURL("http://shop.example.com/"), []*http.Cookie{&template})
}

// TestASiblingCannotLockOutNorTakeIn: what another subdomain plants for the whole domain is not believed beside the
// visitor's own session, whose it never becomes; and what is dead does not count.
func TestASiblingCannotLockOutNorTakeIn(t *testing.T) {
	never := strings.Repeat("b", 25) + "a"
	for name, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true}} {
		for _, path := range []string{"/", "/account"} {
			t.Run(name+", for "+path, func(t *testing.T) {
				m := newManager(t, config)
				attacker := begin(t, m, func(s *msm.Session) { s.Set("user", "eve") })
				b := newBrowser(t).at(shop(m))
				b.do("POST", "/login")
				b.plant(never, path)
				for range 3 {
					if got := b.do("GET", "/account/a"); got != "ann" {
						t.Fatalf("with a cookie of no session planted the visitor is %q", got)
					}
				}
				b.plant(attacker, path)
				if got := b.do("GET", "/account/a"); got != "" {
					t.Errorf("with a session planted the visitor is %q", got)
				}
				b.do("POST", "/account/login")
				visit(m, attacker, func(s *msm.Session) {
					if got := msm.Get[string](s, "user"); got != "eve" {
						t.Errorf("the attacker's session is that of %q", got)
					}
				})
			})
		}
	}
}

// TestStrayCookiesAreLeftAlone: where one lies cannot be known for sure, so a try to remove it is not repeated with every
// answer.
func TestStrayCookiesAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, msm.Config{IdleTimeout: 24 * time.Hour})
		line := withCookie("SESSION=" + strings.Repeat("b", 25) + "a; SESSION=" + sessionOf(t, counting(m)))
		var times []time.Duration
		began := time.Now()
		for range 61 {
			if resp := exchange(counting(m), "GET", "/", line); len(resp.Header["Set-Cookie"]) > 0 {
				times = append(times, time.Since(began))
			}
			time.Sleep(time.Second)
		}
		if fmt.Sprint(times) != "[0s 1m0s]" {
			t.Errorf("a visitor a second for a minute gets cookies after %v", times)
		}
	})
}

// TestCookiesOfOthersAreNotRemoved: what lies above our own path may be another app's.
func TestCookiesOfOthersAreNotRemoved(t *testing.T) {
	m := newManager(t, msm.Config{Cookie: http.Cookie{Path: "/shop"}})
	b := newBrowser(t).at(shop(m))
	b.plantOurs(http.Cookie{}, strings.Repeat("b", 25)+"a")
	b.do("POST", "/shop/login")
	if got := b.do("GET", "/shop/a"); got != "ann" {
		t.Errorf("the visitor is %q", got)
	}
	b.do("POST", "/shop/logout")
	if b.cookies("/") != 1 || b.cookies("/shop/a") != 1 {
		t.Errorf("%d cookies at the root, %d in the shop", b.cookies("/"), b.cookies("/shop/a"))
	}
}
