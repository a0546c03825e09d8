package msm

import (
	"net/http"
	"strings"
)

// noCookies is the Cache-Control directive that keeps caches from giving one client's cookie to another (RFC 9111,
// 5.2.2.4).
const noCookies = `no-cache="Set-Cookie"`

// forCaches are headers by which a handler tells shared caches to store a response, beside Cache-Control (RFC 9213, and
// CDNs' own).
var forCaches = []string{
	"Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires", "Edge-Control", "Cloudflare-Cdn-Cache-Control",
	"Vercel-Cdn-Cache-Control", "Netlify-Cdn-Cache-Control", "Akamai-Cache-Control",
}

// listed reports whether one of the values, which are comma-separated lists, contains the member in any letter case, or
// "*", which stands for all.
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

// makePrivate lets only the visitor's own browser cache the response, also if the handler says nothing about caching: shared
// caches may store a response by rules of their own then (RFC 9111, 4.2.2). room saves an allocation.
func makePrivate(h http.Header, room []string) {
	_, cached := h["Expires"]
	for _, name := range forCaches {
		if _, there := h[name]; there {
			cached = true
			delete(h, name)
		}
	}
	values := h["Cache-Control"]
	if !cached && (len(values) == 0 || len(values) == 1 && values[0] == noCookies) { // nothing said; noCookies is another manager's
		h["Cache-Control"] = append(append(room, "private"), values...)
		return
	}
	if kept, changed := privately(values); changed {
		h["Cache-Control"] = []string{kept}
	}
}

// privately returns the directives of Cache-Control without those that let shared caches store the response (RFC 9111,
// 5.2.2), and with "private", unless that or "no-store" is among them. changed reports whether they differ from values.
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

// cutDirective splits the first directive off a comma-separated list. A comma in quotes does not end a directive.
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
