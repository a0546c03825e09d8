package msmtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

func (s *suite) cookieCases() []kase {
	return []kase{
		{name: "a page made from the session varies, and is not public", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
				c.W.Header().Set("Cache-Control", "public, max-age=60")
				if c.R.Method == "POST" {
					add(c)
				}
				_, err := io.WriteString(c.W, strings.Repeat("x", count.Get(c.Session())))
				return err
			}))
			v.do("GET", "/x").says(t, "Vary", "Cookie").says(t, "Cache-Control", "public, max-age=60")
			v.do("POST", "/x").says(t, "Cache-Control", "private, max-age=60")
			v.do("GET", "/x").gets(t, 200, "x").says(t, "Vary", "Cookie").says(t, "Cache-Control", "private, max-age=60")
		}},
		{name: "a page that never looks at the session stays as it is", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
				if c.R.Method == "POST" {
					add(c)
				}
				c.W.Header().Set("Cache-Control", "public, max-age=60")
				_, err := io.WriteString(c.W, "static")
				return err
			}))
			v.do("POST", "/x").cookies(t, 1)
			a := v.do("GET", "/x").gets(t, 200, "static").cookies(t, 0).says(t, "Cache-Control", "public, max-age=60")
			if strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Cookie") {
				t.Errorf("Vary %q", a.Header.Values("Vary"))
			}
		}},
		{name: "an API client that asks gets its id in the header, a browser never", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{Header: "X-Session"})
			a := s.app(m, func(c Call) error { add(c); return nil })
			browser, client := s.visit(t, a), s.visit(t, a)
			browser.do("POST", "/x").cookies(t, 1).says(t, "X-Session", "")
			id := client.with("X-Session", "none", "POST", "/x").cookies(t, 0).Header.Get("X-Session")
			client.with("X-Session", id, "POST", "/x").cookies(t, 0).says(t, "X-Session", "")
			client.with("X-Session", id, "GET", "/count").gets(t, 200, "2")
			browser.with("X-Session", "none", "GET", "/count").gets(t, 200, "1") // a bad header does not hide a good cookie
		}},
		{name: "of two cookies the one counts whose session lives", run: func(t *testing.T) {
			v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error { add(c); return nil }))
			mine := v.do("POST", "/x").Cookies()[0]
			v.browser.Jar = nil
			line := mine.Name + "=" + strings.Repeat("b", 25) + "a; " + mine.Name + "=" + mine.Value
			v.with("Cookie", line, "GET", "/count").gets(t, 200, "1")
			v.with("Cookie", line, "POST", "/x").gets(t, 200, "")
			v.with("Cookie", line, "GET", "/count").gets(t, 200, "2")
		}},
		{name: "remember me lasts, also after a login, until it is forgotten", run: func(t *testing.T) {
			lives := []time.Duration{time.Hour, -1, 0}
			v := s.visit(t, s.app(NewManager(t, msm.Config{Cookie: http.Cookie{MaxAge: 60}}), func(c Call) error {
				add(c)
				life := lives[0]
				if lives = lives[1:]; life >= 0 {
					c.Session().Persist(life)
				}
				return c.Session().Renew()
			}))
			for _, want := range []int{3600, 3600, 0} {
				if got := v.do("POST", "/x").cookies(t, 1).Cookies()[0].MaxAge; got != want {
					t.Errorf("a cookie of %d s; want %d", got, want)
				}
			}
			v.counts(3)
		}},
	}
}

// with sends a request with a header.
func (v *visitor) with(name, value, method, path string) answer {
	v.t.Helper()
	r := v.request(method, path)
	r.Header.Set(name, value)
	a, err := v.try(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

// says checks the first value of a header.
func (a answer) says(t *testing.T, name, value string) answer {
	t.Helper()
	if got := a.Header.Get(name); got != value {
		t.Errorf("%s: %q; want %q", name, got, value)
	}
	return a
}
