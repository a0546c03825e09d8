package msm

import (
	"net/http"
	"strings"
)

// noCookies keeps caches from giving one client's cookie to another (RFC 9111, 5.2.2.4).
const noCookies = `no-cache="Set-Cookie"`

// forCaches are headers by which a handler tells shared caches what Cache-Control does not (RFC 9213, and vendors' own).
var forCaches = []string{
	"Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires", "Edge-Control", "Cloudflare-Cdn-Cache-Control",
	"Vercel-Cdn-Cache-Control", "Netlify-Cdn-Cache-Control", "Akamai-Cache-Control",
}

// tellCaches says that the answer depends on the visitor, if the session was looked at. An answer to a visitor who has a
// session is nobody else's, whatever the handler says of it: caches that ignore Vary, as CDNs do, would serve it to others.
func (x *Exchange) tellCaches(h http.Header) {
	s := &x.session
	if s.state != present {
		return
	}
	x.vary(h)
	if s.exists() || s.wrote || s.clear {
		makePrivate(h)
	}
}

// vary names what of the request the answer depends on. The room spares an allocation.
func (x *Exchange) vary(h http.Header) {
	list := h["Vary"]
	if list == nil {
		list = x.room[:0]
	}
	if !listed(list, "Cookie") {
		list = append(list, "Cookie")
	}
	if name := x.manager.config.Header; name != "" && !listed(list, name) {
		list = append(list, name)
	}
	h["Vary"] = list
}

// listed reports whether a header's values, which are lists, have that member, or "*", which stands for all.
func listed(values []string, member string) bool {
	for _, value := range values {
		for value != "" {
			var one string
			one, value, _ = strings.Cut(value, ",")
			if one = strings.TrimSpace(one); one == "*" || strings.EqualFold(one, member) {
				return true
			}
		}
	}
	return false
}

// makePrivate makes an answer that was to be cached one that only the visitor's own browser may cache.
func makePrivate(h http.Header) {
	_, cached := h["Expires"]
	for _, name := range forCaches {
		if _, there := h[name]; there {
			cached = true
			delete(h, name)
		}
	}
	values := h["Cache-Control"]
	if !cached && (len(values) == 0 || len(values) == 1 && values[0] == noCookies) { // nothing said, but by another manager
		return
	}
	if kept, changed := privately(values); changed {
		h["Cache-Control"] = []string{kept}
	}
}

// privately answers the directives without those that let shared caches keep the answer (RFC 9111, 5.2.2), and with the one
// that forbids it.
func privately(values []string) (kept string, changed bool) {
	var list []string
	private := false
	for _, value := range values {
		for value != "" {
			var directive string
			directive, value = cutDirective(value)
			name, _, qualified := strings.Cut(directive, "=")
			switch name = strings.ToLower(strings.TrimSpace(name)); {
			case name == "public", name == "s-maxage", name == "private" && qualified:
				changed = true
				continue
			case name == "private", name == "no-store":
				private = true
			case name == "":
				continue
			}
			list = append(list, directive)
		}
	}
	if !private {
		list, changed = append([]string{"private"}, list...), true
	}
	return strings.Join(list, ", "), changed
}

// cutDirective takes a directive off a list. A comma in quotes ends none.
func cutDirective(s string) (directive, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == ',' && !quoted:
			return strings.TrimSpace(s[:i]), s[i+1:]
		}
	}
	return strings.TrimSpace(s), ""
}
