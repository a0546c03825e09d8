package msm_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestSecureCookie: SR-20, CS-05. The preset is what browsers take from this host over TLS only.
func TestSecureCookie(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{Cookie: msm.SecureCookie()})
	resp := exchange(m.Middleware(handlerOf(addOne)), "POST", "/", nil)
	line := resp.Header.Get("Set-Cookie")
	name, rest, _ := strings.Cut(line, "=")
	_, attributes, _ := strings.Cut(rest, "; ")
	if name != "__Host-SESSION" || attributes != "Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("%s", line)
	}
}

// TestAPublicSiteInClearText: SR-20. The log says once that a cookie was sent without Secure, if the site is public.
func TestAPublicSiteInClearText(t *testing.T) {
	t.Parallel()
	for host, c := range map[string]struct {
		cookie http.Cookie
		warns  int
	}{
		"shop.example.com":      {http.Cookie{}, 1},
		"shop.example.com:8080": {http.Cookie{}, 1},
		"SHOP.EXAMPLE.COM.":     {http.Cookie{}, 1},
		"203.0.113.7":           {http.Cookie{}, 1},
		"[2001:db8::1]:80":      {http.Cookie{}, 1},
		"shop.example.org":      {http.Cookie{Secure: true}, 0},
		"localhost:8080":        {http.Cookie{}, 0},
		"app.localhost":         {http.Cookie{}, 0},
		"127.0.0.1:8080":        {http.Cookie{}, 0},
		"[::1]:8080":            {http.Cookie{}, 0},
		"[::1]":                 {http.Cookie{}, 0},
		"10.1.2.3":              {http.Cookie{}, 0},
		"app":                   {http.Cookie{}, 0},
		"app.shop.internal":     {http.Cookie{}, 0},
		"":                      {http.Cookie{}, 0},
	} {
		t.Run(host, func(t *testing.T) {
			var log bytes.Buffer
			m, err := msm.New(msm.Config{Cookie: c.cookie, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				exchange(m.Middleware(handlerOf(addOne)), "POST", "/", func(r *http.Request) { r.Host = host })
			}
			_ = m.Close(t.Context())
			if n := strings.Count(log.String(), "without Secure"); n != c.warns {
				t.Errorf("%d lines; want %d", n, c.warns)
			}
		})
	}
}
