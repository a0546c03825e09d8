package cluster

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/gomsm/msm/core/internal/sid"
)

// Forms that people know from other lists of servers, with an id in front or without.
var (
	url   = regexp.MustCompile(`^(?:(\w+)(?::|->|=>|=))?([A-Za-z][A-Za-z0-9+.-]*)://(?:.*@)?([^/?#]*)([^?#]*)`)
	arrow = regexp.MustCompile(`^(\w*)(?:->|=>|=)(.*)$`)
)

// read parses one entry of the list. If it is wrong, why says what is wrong and how to mend it.
func read(entry string) (s Spec, why string) {
	if m := url.FindStringSubmatch(entry); m != nil {
		return Spec{ID: m[1]}, aURL(m[1], strings.ToLower(m[2]), m[3], m[4])
	}
	if strings.ContainsAny(entry, ";|") {
		return Spec{}, "nodes are separated by commas or blanks"
	}
	if m := arrow.FindStringSubmatch(entry); m != nil {
		return Spec{ID: m[1]}, fmt.Sprintf("a colon stands after the id; write %s:%s", cmp.Or(m[1], "id"), hide(m[2]))
	}
	s.ID, s.Address = split(entry)
	if why := badAddress(s.Address); why != "" {
		return Spec{ID: s.ID}, why
	}
	if s.ID != "" && !sid.ValidNode(s.ID) {
		return s, fmt.Sprintf("id %q must be 1 to 32 letters, digits or underscores", hide(s.ID))
	}
	return s, ""
}

// aURL says what is wrong with an entry that is a URL.
func aURL(id, scheme, host, path string) string {
	if strings.HasPrefix(scheme, "redis") || scheme == "valkey" || scheme == "valkeys" {
		return "that is another kind of server; nodes are memcached servers, written id:host:port"
	}
	if host == "" {
		host = path // of a unix socket
	}
	why := fmt.Sprintf("a node is no URL; write %s:%s", cmp.Or(id, "id"), host)
	if scheme == "tls" || scheme == "ssl" || scheme == "memcacheds" {
		why += ", and set Config.TLS (MSM_TLS_CA)"
	}
	return why
}

// split splits an entry into id and address. The text before the first colon is an id unless only a port follows:
// "cache:11211" is an address, "n1:cache" an id and an address without a port.
func split(entry string) (id, address string) {
	before, after, found := strings.Cut(entry, ":")
	if !found || before == "" || before[0] == '[' || before[0] == '/' || onlyDigits(after) {
		return "", entry
	}
	return before, after
}

func onlyDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func badAddress(address string) string {
	if strings.HasPrefix(address, "/") {
		return ""
	}
	host, port, err := net.SplitHostPort(address)
	switch {
	case err != nil && onlyDigits(address), err == nil && host == "":
		return "the host is missing; write id:host:port"
	case err != nil && (strings.ContainsAny(address, "[]") || likeIPv6(address)):
		return "an IPv6 address stands in brackets, and its port after them: id:[::1]:11211"
	case err != nil && strings.Contains(address, ":"):
		return "there is more than an id, a host and a port; write id:host:port"
	case err != nil || port == "":
		return "the port is missing; write id:host:port"
	case onlyDigits(host):
		return fmt.Sprintf("host %q is a number; write id:host:port", host)
	case strings.ContainsFunc(host, notOfHosts):
		return fmt.Sprintf("%q is no name of a host; write id:host:port", hide(host))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Sprintf("port %q must be a number from 1 to 65535; write id:host:port", hide(port))
	}
	return ""
}

// likeIPv6 reports whether an address looks like hexadecimal numbers between colons.
func likeIPv6(address string) bool {
	return strings.Count(address, ":") > 1 && !strings.ContainsFunc(address, func(r rune) bool {
		return !strings.ContainsRune("0123456789abcdefABCDEF:.", r)
	})
}

// notOfHosts reports whether a host cannot contain r. A percent sign is allowed: it separates the zone of an IPv6
// address.
func notOfHosts(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:%", r)
}

// same returns a canonical form of an address: the same for all ways to write it.
func same(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address // the path of a unix socket, or not an address
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	}
	return net.JoinHostPort(host, strings.TrimLeft(port, "0"))
}

// hide removes what stands before an @ in an entry: it may be a password, and errors are logged.
func hide(entry string) string {
	at := strings.LastIndexByte(entry, '@')
	if at < 0 {
		return entry
	}
	scheme, _, isURL := strings.Cut(entry[:at], "://")
	if isURL {
		return scheme + "://..." + entry[at:]
	}
	return "..." + entry[at:]
}
