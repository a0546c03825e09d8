package msm_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
)

// browser is a client with a cookie jar, for an app whose host name has parent domains.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{&http.Client{Jar: jar}, t}
}

// at makes the browser send its requests to h, as http://shop.example.com.
func (b *browser) at(h http.Handler) *browser {
	b.Transport = inProcess{h}
	return b
}

// inProcess is a transport that calls a handler.
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

// plant gives the browser a cookie that a sibling subdomain sets for the whole domain.
func (b *browser) plant(id, path string) {
	b.Jar.SetCookies(&url.URL{Scheme: "http", Host: "evil.example.com", Path: "/"}, []*http.Cookie{{Name: "SESSION", Value: id, Domain: "example.com", Path: path}})
}

// plantOurs gives the browser the cookie that a manager with this template would set.
func (b *browser) plantOurs(template http.Cookie, id string) {
	template.Name, template.Value = "SESSION", id
	if template.Path == "" {
		template.Path = "/"
	}
	b.Jar.SetCookies(mustURL("http://shop.example.com/"), []*http.Cookie{&template})
}

// visited sends a request and returns the MaxAge of the cookies in the response.
func (b *browser) visited(path string) (body string, lives []int) {
	b.t.Helper()
	req, err := http.NewRequest("GET", "http://shop.example.com"+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait() // for work in the background
	for _, c := range resp.Cookies() {
		lives = append(lives, c.MaxAge)
	}
	return bodyOf(resp), lives
}
