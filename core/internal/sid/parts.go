package sid

import "strings"

// split splits an id, and checks node and route. Token and tag end by their length, so that a route may contain dashes
// also when there is no node.
func split(s string) (id ID, tag string, ok bool) {
	n := randomLength
	if len(s) > n && s[n] != '-' && s[n] != '.' {
		n = signedLength
	}
	if len(s) < n {
		return ID{}, "", false
	}
	id, tag = ID{Token: s[:randomLength]}, s[randomLength:n]
	rest := s[n:]
	if strings.HasPrefix(rest, "-") {
		id.Node = untilDot(rest[1:])
		rest = rest[1+len(id.Node):]
		if !ValidNode(id.Node) {
			return ID{}, "", false
		}
	}
	if rest == "" {
		return id, tag, true
	}
	id.Route = rest[1:]
	return id, tag, rest[0] == '.' && ValidRoute(id.Route)
}

func untilDot(s string) string {
	before, _, _ := strings.Cut(s, ".")
	return before
}

// ValidNode reports whether s can be a node's id: 1 to 32 ASCII letters, digits or underscores. Dashes and dots are not
// allowed: they separate the parts of a session id.
func ValidNode(s string) bool {
	if s == "" || len(s) > maxNode {
		return false
	}
	for i := range len(s) {
		if !isWord(s[i]) {
			return false
		}
	}
	return true
}

// ValidRoute reports whether s can be a route: 1 to 64 ASCII letters, digits, underscores or dashes. Dashes are for
// host and pod names, which have at most 63 characters.
func ValidRoute(s string) bool {
	if s == "" || len(s) > maxRoute {
		return false
	}
	for i := range len(s) {
		if !isWord(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}
