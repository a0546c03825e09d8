package msm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

var count = msm.NewKey[int]("count")

func add(s *msm.Session) int { return count.Update(s, func(n int) int { return n + 1 }) }

// newManager makes a manager, on an in-memory node if the config names none, and closes it at the end of the test.
func newManager(t testing.TB, config msm.Config) *msm.Manager {
	t.Helper()
	if config.Logger == nil {
		config.Logger = quiet
	}
	if config.OpTimeout == 0 {
		config.OpTimeout = opTimeout
	}
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// app is a real HTTP server with one handler behind the middleware, and a browser for it.
type app struct {
	*httptest.Server
	browser *http.Client
	t       testing.TB
}

func serve(t testing.TB, h http.Handler) *app {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	browser := *server.Client() // connections of the default client are closed by whichever server closes first
	browser.Jar, browser.CheckRedirect = jar, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &app{server, &browser, t}
}

func (a *app) do(method, path string) (*http.Response, string) {
	a.t.Helper()
	req, err := http.NewRequest(method, a.URL+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.send(req)
}

func (a *app) send(req *http.Request) (*http.Response, string) {
	a.t.Helper()
	resp, err := a.browser.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return resp, string(body)
}

func sessionCookies(resp *http.Response) (list []*http.Cookie) {
	for _, c := range resp.Cookies() {
		if c.Name == "SESSION" {
			list = append(list, c)
		}
	}
	return list
}

func TestFromWithoutTheMiddlewareSaysWhichLineIsMissing(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "Middleware(handler)") {
			t.Errorf("panic says %q", p)
		}
	}()
	msm.From(t.Context())
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	list, servers := startServers(t, 2)
	before := runtime.NumGoroutine()
	m, err := msm.New(msm.Config{Nodes: list, Logger: quiet, OpTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	id := begin(t, m, func(s *msm.Session) { add(s) })
	servers["n1"].Stop()
	for range 20 {
		visit(m, id, func(s *msm.Session) { add(s) })
	}
	if err := m.Close(t.Context()); err != nil {
		t.Error(err)
	}
	waitFor(t, "all goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// TestMiddlewareOutsideSeesThePattern checks that a middleware around the sessions sees the route's pattern that a
// ServeMux behind them has found, as without sessions.
func TestMiddlewareOutsideSeesThePattern(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(http.ResponseWriter, *http.Request) {})
	app := newManager(t, msm.Config{}).Middleware(mux)
	r := httptest.NewRequest("GET", "/items/1", nil)
	app.ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "GET /items/{id}" {
		t.Errorf("it sees %q", r.Pattern)
	}
}
