package msm

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// secure reports whether the client uses TLS, with this server or with a trusted proxy that says so. The request has to
// be as the server made it, since middleware may write the client's address into RemoteAddr. If the two headers
// disagree, one that says so is enough: a proxy that knows only one of them passes the other on as an outer proxy, or
// the client, wrote it.
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

// overTLS reports whether a scheme is one over TLS. Schemes are case-insensitive (RFC 3986, 3.1), and Traefik uses wss
// for a WebSocket.
func overTLS(scheme string) bool {
	return strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "wss")
}

// trusted reports whether the peer is a proxy whose headers are believed. An address without a port is not from the
// server: a middleware further out has put the client's address there.
func (m *Manager) trusted(r *http.Request) bool {
	if byUnixSocket(r) {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("") // a prefix has no zone, and contains no address with one
	return slices.ContainsFunc(m.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// byUnixSocket reports whether the request came by a unix socket, whose peer has no address. The address that the
// server listens on tells, since middleware may write anything into RemoteAddr. Without a server RemoteAddr tells,
// which begins with "@" for such peers.
func byUnixSocket(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return local.Network() == "unix"
	}
	return strings.HasPrefix(r.RemoteAddr, "@")
}

// unmapped turns prefixes of IPv4 addresses that are written as IPv6 ones into IPv4 prefixes: peers are compared in
// that form.
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

// forwardedProto returns the scheme in the first element of a Forwarded header, that of the proxy next to the client
// (RFC 7239, 4 and 5.4); empty if there is none.
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

// forwardedPair cuts a pair off an element, with the semicolon behind it. The comma that ends the element stays.
func forwardedPair(s string) (name, value, rest string) {
	name, rest = cutBefore(s, "=;,")
	if strings.HasPrefix(rest, "=") {
		value, rest = forwardedValue(rest[1:])
	}
	return strings.TrimSpace(name), value, strings.TrimPrefix(rest, ";")
}

// forwardedValue cuts a token or a quoted string off s, up to the semicolon or comma behind it.
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

// cutBefore splits s before the first of the characters; from is empty if s has none of them.
func cutBefore(s, characters string) (before, from string) {
	if at := strings.IndexAny(s, characters); at >= 0 {
		return s[:at], s[at:]
	}
	return s, ""
}
