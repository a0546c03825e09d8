package msm_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestNobodyElseMayCacheWhatASessionMade checks that it is private, whatever the handler says, because CDNs ignore
// Vary.
func TestNobodyElseMayCacheWhatASessionMade(t *testing.T) {
	t.Parallel()
	type headers map[string][]string
	const control = "Cache-Control"
	for name, c := range map[string]struct {
		said headers
		want headers
	}{
		"nothing said":                    {headers{}, headers{control: {"private"}}},
		"public":                          {headers{control: {"public, max-age=3600"}}, headers{control: {"private, max-age=3600"}}},
		"public in another case":          {headers{control: {"Public,max-age=3600"}}, headers{control: {"private, max-age=3600"}}},
		"public on a line of its own":     {headers{control: {"max-age=3600", "public"}}, headers{control: {"private, max-age=3600"}}},
		"a time, which is public as well": {headers{control: {"max-age=3600"}}, headers{control: {"private, max-age=3600"}}},
		"a time for shared caches":        {headers{control: {"max-age=1, s-maxage=3600"}}, headers{control: {"private, max-age=1"}}},
		"private and public":              {headers{control: {"private, public"}}, headers{control: {"private"}}},
		"only a field private":            {headers{control: {`private="X-A, X-B", max-age=5`}}, headers{control: {"private, max-age=5"}}},
		"private":                         {headers{control: {"private, max-age=60"}}, headers{control: {"private, max-age=60"}}},
		"not to be stored":                {headers{control: {"no-store"}}, headers{control: {"no-store"}}},
		"not to be stored, and public":    {headers{control: {"no-store, public"}}, headers{control: {"no-store"}}},
		"public in quotes":                {headers{control: {`private, x="a, public"`}}, headers{control: {`private, x="a, public"`}}},
		"revalidated":                     {headers{control: {"no-cache"}}, headers{control: {"private, no-cache"}}},
		"Expires":                         {headers{"Expires": {"Thu, 01 Jan 2099 00:00:00 GMT"}}, headers{control: {"private"}, "Expires": {"Thu, 01 Jan 2099 00:00:00 GMT"}}},
		"to a CDN": {
			headers{control: {"private"}, "Cdn-Cache-Control": {"max-age=600"}, "Surrogate-Control": {"max-age=600"}, "X-Accel-Expires": {"600"}},
			headers{control: {"private"}},
		},
		"to a CDN alone": {headers{"Cloudflare-Cdn-Cache-Control": {"max-age=600"}}, headers{control: {"private"}}},
	} {
		for _, by := range []string{"a handler", "a middleware outside"} {
			t.Run(name+", by "+by, func(t *testing.T) {
				m := newManager(t, msm.Config{})
				id := begin(t, m, func(s *msm.Session) { add(s) })
				say := func(h http.Header) {
					for name, values := range c.said {
						h[name] = slices.Clone(values)
					}
				}
				page := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if by == "a handler" {
						say(w.Header())
					}
					if r.URL.Path == "/read" {
						fmt.Fprint(w, count.Get(msm.From(r.Context())))
					}
				}))
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if by != "a handler" {
						say(w.Header())
					}
					page.ServeHTTP(w, r)
				})
				only := func(got http.Header) headers {
					delete(got, "Vary")
					delete(got, "Content-Type")
					return headers(got)
				}
				if got := only(exchange(h, "GET", "/read", withCookie("SESSION="+id)).Header); fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("what the session made is sent with %q; want %q", got, c.want)
				}
				for what, got := range map[string]headers{
					"a page that never looked":        only(exchange(h, "GET", "/static", withCookie("SESSION="+id)).Header),
					"the same for who has no session": only(exchange(h, "GET", "/read", nil).Header),
				} {
					if fmt.Sprint(got) != fmt.Sprint(c.said) {
						t.Errorf("%s is sent with %q; want %q", what, got, c.said)
					}
				}
			})
		}
	}
}

// TestPublicPagesThatSetACookie checks that a page that sets or removes the cookie is the visitor's as well.
func TestPublicPagesThatSetACookie(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		switch s := msm.From(r.Context()); r.URL.Path {
		case "/login":
			add(s)
		case "/logout":
			s.Destroy()
		}
	}))
	want := []string{"private, max-age=60", `no-cache="Set-Cookie"`}
	login := exchange(h, "GET", "/login", nil)
	line := "SESSION=" + sessionCookies(login)[0].Value
	for name, resp := range map[string]*http.Response{
		"a login": login, "a logout": exchange(h, "GET", "/logout", withCookie(line)), "another one": exchange(h, "GET", "/logout", withCookie(line)),
	} {
		if got := resp.Header["Cache-Control"]; !slices.Equal(got, want) {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
}

// TestHeadersAreTheAnswersOwn checks that what a middleware does to the header of one response is not in the next.
func TestHeadersAreTheAnswersOwn(t *testing.T) {
	t.Parallel()
	h := counting(newManager(t, msm.Config{}))
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
		if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Cookie"}) {
			t.Fatalf("Vary %q", got)
		}
		w.Header()["Vary"][0] = "X"
		w.Header()["Vary"] = append(w.Header()["Vary"], "Y")
	}
}
