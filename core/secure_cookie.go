package msm

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// SecureCookie returns the strictest template for Config.Cookie. Its name, "__Host-SESSION", has browsers refuse it over
// anything but TLS, and from any other host, even a sibling domain (RFC 6265bis, 4.1.3.2; OWASP session management). It
// is Secure, for the path "/", with SameSite Lax. Most browsers also take it from http://localhost.
func SecureCookie() http.Cookie {
	return http.Cookie{Name: "__Host-SESSION", Path: "/", Secure: true, SameSite: http.SameSiteLaxMode}
}

// warnOfClearText says, once, that a public site sends the session's cookie to a client that speaks no TLS, as far as
// anyone can tell here.
func (x *Exchange) warnOfClearText(cookie *http.Cookie) {
	m, host := x.manager, x.request.Host
	if !cookie.Secure && public(host) && m.warned.CompareAndSwap(false, true) {
		m.log.Warn("msm: a session's cookie was sent without Secure, so whoever is on the way can take the session over: "+
			"set Config.Cookie to msm.SecureCookie(), or Config.TrustedProxies if a proxy speaks TLS", "host", host)
	}
}

// public reports whether a request's Host is that of a site which others than the machine's own users and network reach.
func public(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return !addr.IsLoopback() && !addr.IsPrivate() && !addr.IsLinkLocalUnicast()
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	reserved := []string{".localhost", ".local", ".internal", ".test"} // RFC 6761, RFC 6762, ICANN
	return strings.Contains(name, ".") && !slices.ContainsFunc(reserved, func(end string) bool { return strings.HasSuffix(name, end) })
}
