package msmtest

import (
	"io"
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

const ofHandler = "of-the-handler"

// leaving are headers about an answer that is never sent. The last one stands for any that nobody has heard of.
var leaving = []string{
	"Content-Type", "Content-Encoding", "Content-Disposition", "Content-Location", "Content-Language", "Etag", "Last-Modified",
	"Expires", "Cache-Control", "Surrogate-Control", "Digest", "Location", "Refresh", "Hx-Redirect", "Link", "Www-Authenticate",
	"Clear-Site-Data", "X-Accel-Redirect", "X-Sendfile", "Upgrade", "X-Order-Id", "X-Nobody-Has-Heard-Of",
}

// staying are headers about the site, the visitor or the request.
var staying = []string{
	"Vary", "Access-Control-Allow-Origin", "X-Request-Id", "X-Correlation-Id", "Strict-Transport-Security", "Content-Security-Policy",
	"X-Frame-Options", "Referrer-Policy",
}

func (s *suite) headerCases() []kase {
	return []kase{
		{name: "a cookie of the app stays", run: func(t *testing.T) {
			d := s.dead(t)
			v := s.visit(t, s.app(d.manager, func(c Call) error {
				http.SetCookie(c.W, &http.Cookie{Name: "theme", Value: "dark"})
				add(c)
				_, err := io.WriteString(c.W, "secret")
				return err
			}))
			v.have(d.cookie)
			if a := v.do("GET", "/x").gets(t, 503, ""); len(a.Cookies()) != 1 || a.Cookies()[0].Name != "theme" {
				t.Errorf("%q", a.Header.Values("Set-Cookie"))
			}
		}},
		{name: "what stands outside has its headers", run: func(t *testing.T) {
			d := s.dead(t)
			a := s.app(d.manager, func(c Call) error {
				c.W.Header().Set("Content-Language", "de")
				add(c)
				_, err := io.WriteString(c.W, "secret")
				return err
			})
			outer := map[string]string{"Content-Language": "en", "X-Nobody-Has-Heard-Of": "outside"}
			a.use = append([]middleware{s.around(func(c Call) bool {
				for name, value := range outer {
					c.W.Header().Set(name, value)
				}
				return true
			}, func(Call) {})}, a.use...)
			v := s.visit(t, a)
			v.have(d.cookie)
			got := v.do("GET", "/x")
			got.fails(t)
			for name, value := range outer {
				if got.Header.Get(name) != value {
					t.Errorf("%s is %q; want %q", name, got.Header.Get(name), value)
				}
			}
		}},
		{name: "a Config.ErrorHandler that says nothing is no success", run: s.silentErrorHandler},
	}
}

func (s *suite) silentErrorHandler(t *testing.T) {
	m, kill := dyingStore(t, msm.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.Header().Set("X-Request-Id", "logged")
	}})
	v := s.visit(t, s.app(m, func(c Call) error {
		add(c)
		if c.R.Method == "POST" {
			kill()
		}
		if c.R.URL.Query().Has("write") {
			c.W.WriteHeader(201)
			_, err := io.WriteString(c.W, "created")
			return err
		}
		return nil
	}))
	v.do("GET", "/x").gets(t, 200, "").cookies(t, 1)
	for _, path := range []string{"/x?write", "/x"} {
		v.do("POST", path).fails(t)
	}
	v.do("HEAD", "/x").fails(t)
}
