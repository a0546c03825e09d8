package msm_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
)

// app is a real HTTP server with one handler behind the middleware, and a browser for it.
type app struct {
	*httptest.Server
	browser *http.Client
	t       testing.TB
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

func serve(t testing.TB, h http.Handler) *app {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	browser := *server.Client() // connections of the default client are closed by whichever server closes first
	browser.Jar, browser.CheckRedirect = jar, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &app{server, &browser, t}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}
