package msm_test

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	overTLS := func(r *http.Request) { r.TLS = &tls.ConnectionState{} }
	forwarded := func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }
	for name, c := range map[string]struct {
		config msm.Config
		edit   func(*http.Request)
		want   string
	}{
		"defaults":                             {msm.Config{}, nil, "SESSION=ID; Path=/; HttpOnly; SameSite=Lax"},
		"over TLS":                             {msm.Config{}, overTLS, "SESSION=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"a proxy nobody trusts says https":     {msm.Config{}, forwarded, "SESSION=ID; Path=/; HttpOnly; SameSite=Lax"},
		"a trusted proxy says https":           {msm.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, forwarded, "SESSION=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"a template":                           {msm.Config{Cookie: http.Cookie{Name: "__Host-sid", Secure: true, SameSite: http.SameSiteStrictMode, MaxAge: 60}}, nil, "__Host-sid=ID; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Strict"},
		"a template for one path and a domain": {msm.Config{Cookie: http.Cookie{Path: "/app", Domain: "example.org"}}, nil, "SESSION=ID; Path=/app; Domain=example.org; HttpOnly; SameSite=Lax"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := exchange(counting(newManager(t, c.config)), "POST", "/", c.edit)
			line := resp.Header.Get("Set-Cookie")
			before, after, _ := strings.Cut(line, "=")
			_, attributes, _ := strings.Cut(after, ";")
			if got := before + "=ID;" + attributes; got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			if resp.Header.Get("Vary") != "Cookie" || !slices.Equal(resp.Header["Cache-Control"], []string{"private", `no-cache="Set-Cookie"`}) {
				t.Errorf("a shared cache may keep this answer: %v", resp.Header)
			}
		})
	}
}

// TestWhatStrangersSend: T-16. A request has a session only by one cookie that verifies, whose session exists, and
// which is sent as it was given. No other id is ever adopted.
func TestWhatStrangersSend(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	h := counting(m)
	mine, foreign, dead := sessionOf(t, h), sessionOf(t, h), sessionOf(t, h)
	visit(m, dead, func(s *msm.Session) { s.Destroy() })
	never := func(n int) string { return strings.Repeat(string(rune('a'+n)), 25) + "a" }
	for name, c := range map[string]struct {
		cookie string
		known  bool
	}{
		"mine":                                  {"SESSION=" + mine, true},
		"mine among others":                     {"a=b; SESSION=" + mine + "; c=d", true},
		"mine with blanks around":               {"a=b;  SESSION=" + mine + " ; c", true},
		"mine twice":                            {"SESSION=" + mine + "; SESSION=" + mine, true},
		"mine after a malformed one":            {"SESSION=x; SESSION=" + mine, true},
		"mine and another that verifies":        {"SESSION=" + mine + "; SESSION=" + foreign, false},
		"mine behind one whose session is dead": {"SESSION=" + dead + "; SESSION=" + mine, true},
		"mine before one whose session is dead": {"SESSION=" + mine + "; SESSION=" + dead, true},
		"mine among three that never were":      {"SESSION=" + never(1) + "; SESSION=" + never(2) + "; SESSION=" + mine + "; SESSION=" + never(3), true},
		"mine among more than anybody has":      {"SESSION=" + mine + "; SESSION=" + never(1) + "; SESSION=" + never(2) + "; SESSION=" + never(3) + "; SESSION=" + never(4), false},
		"mine with another node beside":         {"SESSION=" + mine + "-n9; SESSION=" + mine, true},
		"mine, dead and another that lives":     {"SESSION=" + mine + "; SESSION=" + dead + "; SESSION=" + foreign, false},
		"two that are dead":                     {"SESSION=" + dead + "; SESSION=" + never(1), false},
		"mine behind five that do not verify":   {strings.Repeat("SESSION=x; ", 5) + "SESSION=" + mine, false},
		"quoted":                                {`SESSION="` + mine + `"`, false},
		"in upper case":                         {"SESSION=" + strings.ToUpper(mine), false},
		"under a name in lower case":            {"session=" + mine, false},
		"under a name with a Unicode blank":     {"\u2000SESSION=" + mine, false},
		"nameless":                              {"=SESSION=" + mine, false},
		"with CR LF, percent-encoded":           {"SESSION=" + mine + "%0d%0aset x", false},
		"with a NUL":                            {"SESSION=" + mine + "\x00", false},
		"cut off":                               {"SESSION=" + mine[:len(mine)-1], false},
		"with a node that nobody configured":    {"SESSION=" + mine + "-n9", true},
		"with a node like a path":               {"SESSION=" + mine + "-../../x", false},
		"empty":                                 {"SESSION=", false},
		"of a session that never was":           {"SESSION=aaaaaaaaaaaaaaaaaaaaaaaaaa", false},
		"of 70,000 bytes":                       {"SESSION=" + strings.Repeat("a", 70_000), false},
		"four thousand of them":                 {strings.Repeat("SESSION=x; ", 4000), false},
	} {
		t.Run(name, func(t *testing.T) {
			read := exchange(h, "GET", "/", withCookie(c.cookie))
			if got := bodyOf(read) != "0"; got != c.known || read.StatusCode != 200 {
				t.Errorf("known: %v; want %v", got, c.known)
			}
			if c.known {
				return
			}
			write := sessionCookies(exchange(h, "POST", "/", withCookie(c.cookie)))
			if len(write) != 1 || strings.Contains(c.cookie, write[0].Value) {
				t.Errorf("a new session must have a new id: %v", write)
			}
		})
	}
}

func TestSigning(t *testing.T) {
	t.Parallel()
	old, next := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	list, _ := startServers(t, 2)
	app := func(keys ...[]byte) http.Handler {
		return counting(newManager(t, msm.Config{Nodes: list, SigningKeys: keys}))
	}
	id := sessionOf(t, app(old))
	for name, c := range map[string]struct {
		keys [][]byte
		want string
	}{
		"the key that signed":            {[][]byte{old}, "1"},
		"rotated, the old one verifies":  {[][]byte{next, old}, "1"},
		"rotated and the old one is out": {[][]byte{next}, "0"},
		"no keys any more":               {nil, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := bodyOf(exchange(app(c.keys...), "GET", "/", withCookie("SESSION="+id))); got != c.want {
				t.Errorf("counts %s; want %s", got, c.want)
			}
		})
	}
}
