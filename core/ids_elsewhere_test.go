package msm_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestIDsElsewhereDoNotCount: SR-26, CS-06, T-16, T-17. A session's id counts in its cookie, byte for byte, and nowhere else.
func TestIDsElsewhereDoNotCount(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{Route: "a"})
	id := begin(t, m, addOne)
	escaped := strings.NewReplacer(".", "%2e", "-", "%2d").Replace(id)
	cookie := func(line string) func(*http.Request) { return withCookie(line) }
	for name, edit := range map[string]func(*http.Request){
		"in the query":               func(r *http.Request) { r.URL.RawQuery = "SESSION=" + id },
		"in the path":                func(r *http.Request) { r.URL.Path = "/;SESSION=" + id },
		"in the path, as in Java":    func(r *http.Request) { r.URL.Path = "/;jsessionid=" + id },
		"in a form":                  func(r *http.Request) { setForm(r, url.Values{"SESSION": {id}}) },
		"in a header of that name":   func(r *http.Request) { r.Header.Set("SESSION", id) },
		"in X-Session":               func(r *http.Request) { r.Header.Set("X-Session", id) },
		"as a bearer":                func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+id) },
		"as a password":              func(r *http.Request) { r.SetBasicAuth("SESSION", id) },
		"in Set-Cookie":              func(r *http.Request) { r.Header.Set("Set-Cookie", "SESSION="+id) },
		"in a cookie of other case":  cookie("session=" + id),
		"in a cookie of other name":  cookie("SESSIONID=" + id),
		"escaped":                    cookie("SESSION=" + escaped),
		"with an escaped zero":       cookie("SESSION=" + id + "%00"),
		"with an escaped line break": cookie("SESSION=" + id + "%0d%0aSet-Cookie: x=y"),
		"in quotes":                  cookie(`SESSION="` + id + `"`),
		"in upper case":              cookie("SESSION=" + strings.ToUpper(id)),
		"after a blank of Unicode":   cookie("\u2000SESSION=" + id),
	} {
		t.Run(name, func(t *testing.T) {
			before := m.Stats().Loads
			h := m.Middleware(handlerOf(func(s *msm.Session) {
				if n := count.Get(s); n != 0 {
					t.Errorf("it counts: %d", n)
				}
			}))
			if resp := exchange(h, "POST", "/", edit); resp.StatusCode != http.StatusOK || len(resp.Cookies()) > 0 {
				t.Errorf("%s, cookies %v", resp.Status, resp.Cookies())
			}
			if n := m.Stats().Loads - before; n != 0 {
				t.Errorf("%d looks", n)
			}
		})
	}
	if resp := exchange(m.Middleware(handlerOf(addOne)), "POST", "/", withCookie("SESSION="+id)); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	counts(t, m, id, 2)
}

func setForm(r *http.Request, form url.Values) {
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = io.NopCloser(strings.NewReader(form.Encode()))
}
