package msm

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// secure reports whether the client speaks TLS, with us or with a proxy that is trusted to say so. It wants the request
// as the server made it: middlewares further in may put the client's address into RemoteAddr. Of two headers that
// disagree one is enough: a proxy that knows only one of them passes the other as an outer proxy, or the client, wrote it.
func (m *Manager) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	if len(m.config.TrustedProxies) == 0 || !m.trusted(r) {
		return false
	}
	scheme, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return overTLS(strings.TrimSpace(scheme)) || overTLS(forwardedProto(r.Header.Get("Forwarded")))
}

// overTLS: schemes have no case (RFC 3986, 3.1), and Traefik calls that of a WebSocket by its own.
func overTLS(scheme string) bool {
	return strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "wss")
}

// trusted reports whether the peer is a proxy whose headers are believed. An address without a port is none that the
// server saw: a middleware further out has put the client's there.
func (m *Manager) trusted(r *http.Request) bool {
	if byUnixSocket(r) {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("") // a prefix has no zone, and contains no address that has
	return slices.ContainsFunc(m.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// byUnixSocket reports whether the request came by a unix socket, whose peer has no address. What the server listens on
// tells it, for a middleware may write anything into RemoteAddr; without a server, the name that such peers have does.
func byUnixSocket(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return local.Network() == "unix"
	}
	return strings.HasPrefix(r.RemoteAddr, "@")
}

// unmapped makes prefixes of IPv4 addresses of those that are written as IPv6 ones, for that is how peers are compared.
func unmapped(prefixes []netip.Prefix) (list []netip.Prefix) {
	const mapped = 96 // bits in front of the IPv4 address (RFC 4291, 2.5.5.2)
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= mapped {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
		}
		list = append(list, p)
	}
	return list
}

// forwardedProto answers what the first element of a Forwarded header, that of the proxy next to the client, says of the
// scheme (RFC 7239, 4 and 5.4); empty if it says nothing.
func forwardedProto(header string) string {
	for header != "" && header[0] != ',' {
		var name, value string
		name, value, header = forwardedPair(header)
		if strings.EqualFold(name, "proto") {
			return value
		}
	}
	return ""
}

// forwardedPair takes a pair off an element, and the semicolon behind it; the comma that ends the element stays.
func forwardedPair(s string) (name, value, rest string) {
	name, rest = cutBefore(s, "=;,")
	if strings.HasPrefix(rest, "=") {
		value, rest = forwardedValue(rest[1:])
	}
	return strings.TrimSpace(name), value, strings.TrimPrefix(rest, ";")
}

// forwardedValue takes a token or a quoted string off s, up to the semicolon or comma behind it.
func forwardedValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		value, rest = cutBefore(s, ";,")
		return strings.TrimSpace(value), rest
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			_, rest = cutBefore(s[i+1:], ";,")
			return s[1:i], rest
		}
	}
	return "", ""
}

// cutBefore splits s in front of the first of the characters.
func cutBefore(s, characters string) (before, from string) {
	if at := strings.IndexAny(s, characters); at >= 0 {
		return s[:at], s[at:]
	}
	return s, ""
}
