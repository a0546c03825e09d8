package msm_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

var behindProxies = msm.Config{TrustedProxies: []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::ffff:172.16.0.0/108"),
}}

// TestSecureBehindProxies checks that the cookie is Secure if a proxy says, in any of the ways, that its client uses
// TLS.
func TestSecureBehindProxies(t *testing.T) {
	t.Parallel()
	const proto, forwarded = "X-Forwarded-Proto", "Forwarded"
	const proxy = "10.1.2.3:99"
	for name, c := range map[string]struct {
		remote, header, value string
		secure                bool
	}{
		"https":                               {proxy, proto, "https", true},
		"http":                                {proxy, proto, "http", false},
		"nothing":                             {proxy, proto, "", false},
		"in upper case":                       {proxy, proto, "HTTPS", true},
		"in any case":                         {proxy, proto, "Https", true},
		"with blanks":                         {proxy, proto, " https ", true},
		"a WebSocket as Traefik says it":      {proxy, proto, "wss", true},
		"two proxies, TLS outside":            {proxy, proto, "https,http", true},
		"two proxies, TLS outside, a blank":   {proxy, proto, "https, http", true},
		"two proxies, TLS all the way":        {proxy, proto, "HTTPS , https", true},
		"two proxies, TLS inside":             {proxy, proto, "http,https", false},
		"a list that begins with nothing":     {proxy, proto, ",https", false},
		"something that begins with https":    {proxy, proto, "httpsx", false},
		"IPv4 mapped to IPv6":                 {"[::ffff:10.1.2.3]:99", proto, "https", true},
		"an IPv4 prefix mapped to IPv6":       {"172.16.9.9:99", proto, "https", true},
		"beside that prefix":                  {"172.32.0.1:99", proto, "https", false},
		"a link-local address with its zone":  {"[fe80::1%eth0]:99", proto, "https", true},
		"somebody else":                       {"11.1.2.3:99", proto, "https", false},
		"somebody else, Forwarded":            {"11.1.2.3:99", forwarded, "proto=https", false},
		"an address without a port":           {"10.1.2.3", proto, "https", false},
		"no address":                          {"", proto, "https", false},
		"a unix socket":                       {"@", proto, "https", true},
		"Forwarded":                           {proxy, forwarded, "for=192.0.2.60;proto=https;by=203.0.113.43", true},
		"Forwarded, proto alone":              {proxy, forwarded, "proto=https", true},
		"Forwarded by a unix socket":          {"@", forwarded, "proto=https", true},
		"Forwarded in upper case":             {proxy, forwarded, "For=192.0.2.60;PROTO=HTTPS", true},
		"Forwarded, quoted":                   {proxy, forwarded, `for="[2001:db8::17]:4711";proto="https"`, true},
		"Forwarded, blanks":                   {proxy, forwarded, "for=192.0.2.60; proto=https", true},
		"Forwarded, http":                     {proxy, forwarded, "for=192.0.2.60;proto=http", false},
		"Forwarded, the first says https":     {proxy, forwarded, "for=192.0.2.43;proto=https, for=198.51.100.17;proto=http", true},
		"Forwarded, the second says https":    {proxy, forwarded, "for=192.0.2.43;proto=http, for=198.51.100.17;proto=https", false},
		"Forwarded, only the second says":     {proxy, forwarded, "for=192.0.2.43, for=198.51.100.17;proto=https", false},
		"Forwarded, separators in quotes":     {proxy, forwarded, `for="a,b;proto=http\"";proto=https`, true},
		"Forwarded, said in another's quotes": {proxy, forwarded, `for=";proto=https"`, false},
		"Forwarded, a quote without end":      {proxy, forwarded, `for="x;proto=https`, false},
		"Forwarded, no pair":                  {proxy, forwarded, "proto", false},
		"Forwarded, a backslash at the end":   {proxy, forwarded, `proto="https\`, false},
		"Forwarded, rubbish":                  {proxy, forwarded, ";;=,proto=https", false},
	} {
		t.Run(name, func(t *testing.T) {
			resp := exchange(counting(newManager(t, behindProxies)), "POST", "/", func(r *http.Request) {
				r.RemoteAddr = c.remote
				r.Header.Set(c.header, c.value)
			})
			wantSecure(t, resp, c.secure)
		})
	}
}

func wantSecure(t *testing.T, resp *http.Response, secure bool) {
	t.Helper()
	if got := sessionCookie(t, resp.Header.Get("Set-Cookie")).Secure; got != secure {
		t.Errorf("Secure: %v", got)
	}
}

// TestNobodyIsTrustedByDefault checks that this includes unix sockets.
func TestNobodyIsTrustedByDefault(t *testing.T) {
	t.Parallel()
	for _, remote := range []string{"@", "127.0.0.1:9", "10.1.2.3:99"} {
		resp := exchange(counting(newManager(t, msm.Config{})), "POST", "/", func(r *http.Request) {
			r.RemoteAddr = remote
			r.Header.Set("X-Forwarded-Proto", "https")
			r.Header.Set("Forwarded", "proto=https")
		})
		wantSecure(t, resp, false)
	}
}

// TestOneProxyHeaderIsEnough has an inner proxy that knows one of the headers and writes its own scheme there, and an
// outer one that has ended TLS and says so in the other header.
func TestOneProxyHeaderIsEnough(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"X-Forwarded-Proto": {"https", "proto=http"}, "Forwarded": {"http", "proto=https"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := exchange(counting(newManager(t, behindProxies)), "POST", "/", func(r *http.Request) {
				r.RemoteAddr = "10.1.2.3:99"
				r.Header.Set("X-Forwarded-Proto", c[0])
				r.Header.Set("Forwarded", c[1])
			})
			wantSecure(t, resp, true)
		})
	}
}

// TestRealIPMiddlewares has middleware that writes the client's address into the request, and may remove the proxy's
// headers.
func TestRealIPMiddlewares(t *testing.T) {
	t.Parallel()
	realIP := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = r.Header.Get("X-Real-IP")
			r.Header.Del("X-Forwarded-Proto")
			next.ServeHTTP(w, r)
		})
	}
	m := newManager(t, behindProxies)
	sessions := m.Middleware
	for name, c := range map[string]struct {
		handler http.Handler
		realIP  string
		secure  bool
	}{
		"behind the sessions": {sessions(realIP(handlerOf(func(s *msm.Session) { add(s) }))), "203.0.113.9", true},
		"in front of them":    {realIP(sessions(handlerOf(func(s *msm.Session) { add(s) }))), "203.0.113.9", false},
		"in front of them, and the client claims to be a proxy": {realIP(sessions(handlerOf(func(s *msm.Session) { add(s) }))), "10.1.2.3", false},
	} {
		t.Run(name, func(t *testing.T) {
			resp := exchange(c.handler, "POST", "/", func(r *http.Request) {
				r.RemoteAddr = "10.1.2.3:99"
				r.Header.Set("X-Forwarded-Proto", "https")
				r.Header.Set("Forwarded", "for=203.0.113.9")
				r.Header.Set("X-Real-IP", c.realIP)
			})
			wantSecure(t, resp, c.secure)
		})
	}
}

// TestUnixSockets uses real ones: the server's address tells, whatever a client makes a middleware write into
// RemoteAddr.
func TestUnixSockets(t *testing.T) {
	t.Parallel()
	trusting := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ip := r.Header.Get("X-Real-IP"); ip != "" {
				r.RemoteAddr = ip
			}
			next.ServeHTTP(w, r)
		})
	}
	for name, c := range map[string]struct {
		network, realIP string
		secure          bool
	}{
		"by a unix socket": {"unix", "", true},
		"by a unix socket, the client's address further": {"unix", "203.0.113.9", true},
		"by TCP, from nobody who is trusted":             {"tcp", "", false},
		"by TCP, as a unix socket would be called":       {"tcp", "@", false},
	} {
		t.Run(name, func(t *testing.T) {
			address := "127.0.0.1:0"
			if c.network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(c.network, address)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(trusting(counting(newManager(t, behindProxies))))
			_ = server.Listener.Close()
			server.Listener = l
			server.Start()
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, c.network, l.Addr().String())
			}}}
			defer client.CloseIdleConnections()
			req, err := http.NewRequest("POST", "http://example.com/", strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Forwarded-Proto", "https")
			req.Header.Set("X-Real-IP", c.realIP)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			wantSecure(t, resp, c.secure)
		})
	}
}
