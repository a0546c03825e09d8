package msm_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestADeployWithAnotherCookie: visitors still have a cookie that was set with another Path or Domain. If its session
// has ended they notice nothing, and the cookie is removed; if it exists the next login removes it.
func TestADeployWithAnotherCookie(t *testing.T) {
	t.Parallel()
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

// TestASiblingCannotLockOutNorTakeIn: a cookie that another subdomain plants for the whole domain is not believed
// beside the visitor's own, and its session never becomes the visitor's. It does not count at all if its session has
// ended.
func TestASiblingCannotLockOutNorTakeIn(t *testing.T) {
	t.Parallel()
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

// TestStrayCookiesAreLeftAlone checks that a cookie is not removed with every response: where it lies cannot be known
// for sure.
func TestStrayCookiesAreLeftAlone(t *testing.T) {
	t.Parallel()
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

// TestCookiesOfOthersAreNotRemoved: cookies above our own path may be another app's.
func TestCookiesOfOthersAreNotRemoved(t *testing.T) {
	t.Parallel()
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
