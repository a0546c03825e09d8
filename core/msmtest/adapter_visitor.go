package msmtest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

var count = msm.NewKey[int]("count")

func add(c Call) int { return count.Update(c.Session(), func(n int) int { return n + 1 }) }

// adder returns a middleware that adds to the count before the handler.
func (s *suite) adder() middleware {
	return s.around(func(c Call) bool { add(c); return true }, func(Call) {})
}

// app returns an app with sessions that shows the count at /count, and has a handler at /x for GET, POST and HEAD.
func (s *suite) app(m *msm.Manager, h Handler) app {
	a := app{group: group{use: []middleware{s.sessions(m)}, routes: []route{s.countRoute()}}}
	for _, method := range []string{"GET", "POST", "HEAD"} {
		a.routes = append(a.routes, route{method, "/x", s.handler(h)})
	}
	return a
}

func (s *suite) countRoute() route {
	return route{"GET", "/count", s.handler(func(c Call) error {
		_, err := fmt.Fprint(c.W, count.Get(c.Session()))
		return err
	})}
}

// visitor is a browser in front of an app on a real server.
type visitor struct {
	t       *testing.T
	url     string
	browser *http.Client
}

func (s *suite) visit(t *testing.T, a app) *visitor {
	t.Helper()
	return visit(t, s.build(a))
}

func visit(t *testing.T, h http.Handler) *visitor {
	t.Helper()
	return visitBy(t, h, 1)
}

// visitBy is visit with HTTP/1 or HTTP/2.
func visitBy(t *testing.T, h http.Handler, major int) *visitor {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // some handlers panic
	if server.EnableHTTP2 = major == 2; server.EnableHTTP2 {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	return &visitor{t, server.URL, &http.Client{
		Jar: jar, Transport: server.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is an answer with its whole body.
type answer struct {
	*http.Response
	body string
}

func (v *visitor) do(method, path string) answer {
	v.t.Helper()
	a, err := v.try(v.request(method, path))
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

func (v *visitor) request(method, path string) *http.Request {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), 2*patience) // the client's own timeout would hide the writer that 101 gives
	v.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, v.url+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return r
}

func (v *visitor) try(r *http.Request) (answer, error) {
	resp, err := v.browser.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, string(body)}, err
}

// have gives the browser a cookie.
func (v *visitor) have(cookie string) {
	v.t.Helper()
	u, err := url.Parse(v.url)
	if err != nil {
		v.t.Fatal(err)
	}
	c, err := http.ParseSetCookie(cookie)
	if err != nil {
		v.t.Fatal(err)
	}
	v.browser.Jar.SetCookies(u, []*http.Cookie{c})
}

// gets checks the status and the body of an answer. An empty body is not checked.
func (a answer) gets(t *testing.T, status int, body string) answer {
	t.Helper()
	if a.StatusCode != status || body != "" && a.body != body {
		t.Errorf("%d %q; want %d %q", a.StatusCode, a.body, status, body)
	}
	return a
}

// cookies checks how many cookies an answer sets.
func (a answer) cookies(t *testing.T, n int) answer {
	t.Helper()
	if list := a.Header.Values("Set-Cookie"); len(list) != n {
		t.Errorf("%d cookies; want %d: %q", len(list), n, list)
	}
	return a
}

// counts checks the stored count.
func (v *visitor) counts(n int) {
	v.t.Helper()
	v.do("GET", "/count").gets(v.t, 200, fmt.Sprint(n))
}

// countsSoon waits until another goroutine has stored the count.
func (v *visitor) countsSoon(n int) {
	v.t.Helper()
	eventually(v.t, fmt.Sprintf("count %d", n), func() bool { return v.do("GET", "/count").body == fmt.Sprint(n) })
}

// eventually waits for what another goroutine or process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// contains checks that a text has a part.
func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q is not in %q", part, text)
	}
}
