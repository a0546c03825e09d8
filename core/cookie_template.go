package msm

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gomsm/msm/core/internal/sid"
)

// Limits of browsers (RFC 6265bis, 5.6 and 5.7): they ignore an attribute, and drop a cookie, that is larger.
const (
	maxCookie          = 4096 // bytes of name and value together
	maxCookieAttribute = 1024 // bytes of one attribute's value
)

// cookieFaults returns what is wrong with Config.Cookie: why net/http or a browser would drop the cookie, or one of its
// attributes, without a word. http.Cookie.Valid finds about half of that.
func cookieFaults(c *http.Cookie) (list []fault) {
	add := func(bad bool, field, format string, args ...any) {
		if bad {
			list = append(list, fault{Field: "Cookie." + field, Text: fmt.Sprintf(format, args...)})
		}
	}
	add(c.Name != "" && !validToken(c.Name), "Name", "%q is no cookie name (RFC 6265: no blanks, control characters or separators)", c.Name)
	add(len(c.Name) > maxCookie-sid.MaxLength, "Name", "has %d bytes; with the id, browsers drop cookies of more than %d", len(c.Name), maxCookie)
	add(c.Value != "", "Value", "must be empty: it is the session's id")
	add(c.Quoted, "Quoted", "must be false: ids need no quotes, and are not read with them")
	add(!c.Expires.IsZero(), "Expires", "must be unset; use MaxAge")
	add(c.RawExpires != "", "RawExpires", "must be empty: it would not be sent; use MaxAge")
	add(c.Raw != "", "Raw", "must be empty: it would not be sent")
	add(len(c.Unparsed) > 0, "Unparsed", "must be empty: no attribute in it would be sent")
	add(c.MaxAge < 0, "MaxAge", "must not be negative: the cookie would be gone at once")
	add(c.Path != "" && !validCookiePath(c.Path), "Path", "%q must begin with \"/\" and be the path of a URL as it is sent, "+
		"of at most %d bytes: printable ASCII without blanks, \";\", \"?\" and \"#\"", c.Path, maxCookieAttribute)
	add(c.Domain != "" && !validCookieDomain(c.Domain), "Domain", "%q must be a host's name alone, such as \"example.com\", which stands for those "+
		"below it, too: no scheme, port, path, \"*\" or blank, and letters beyond ASCII as \"xn--...\"", c.Domain)
	add(c.SameSite < 0 || c.SameSite > http.SameSiteNoneMode, "SameSite", "%d is none of net/http's modes", c.SameSite)
	add(c.SameSite == http.SameSiteNoneMode && !c.Secure, "SameSite", "None needs Secure: browsers drop the cookie otherwise")
	add(c.Partitioned && !c.Secure, "Partitioned", "needs Secure: browsers drop the cookie otherwise")
	return append(list, prefixFaults(c)...)
}

// prefixFaults returns what is wrong with a cookie whose name has a prefix that demands attributes, such as "__Host-".
// Browsers compare prefixes in any letter case (RFC 6265bis, 4.1.3). "__Http-" demands HttpOnly as well, which is
// always set.
func prefixFaults(c *http.Cookie) []fault {
	name := strings.ToLower(c.Name)
	text := ""
	switch {
	case strings.HasPrefix(name, "__host-") && (!c.Secure || c.Domain != "" || c.Path != "" && c.Path != "/"):
		text = `the prefix __Host- needs Secure, Path "/" and no Domain, in any letter case`
	case strings.HasPrefix(name, "__secure-") && !c.Secure:
		text = "the prefix __Secure- needs Secure, in any letter case"
	case strings.HasPrefix(name, "__http-") && !c.Secure:
		text = "the prefix __Http- needs Secure, in any letter case"
	default:
		return nil
	}
	return []fault{{Field: "Cookie.Name", Text: text}}
}

// validCookiePath reports whether s, which is not empty, can be a cookie's Path. net/http drops some of the other
// characters, and a path with one of the rest matches no request.
func validCookiePath(s string) bool {
	return s[0] == '/' && len(s) <= maxCookieAttribute && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == ';' || r == '?' || r == '#'
	})
}

// validCookieDomain reports whether net/http sends s as Domain and browsers accept it: they do not if it ends in a dot.
func validCookieDomain(s string) bool {
	return (&http.Cookie{Name: "x", Domain: s}).Valid() == nil && !strings.HasSuffix(s, ".")
}

// validToken reports whether s is a token (RFC 9110, 5.6.2), as names of headers and cookies have to be.
func validToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

// headerFaults returns what is wrong with Config.Header. A header that HTTP uses already would lose its meaning, or the
// id.
func headerFaults(name string) []fault {
	text := ""
	switch canonical := http.CanonicalHeaderKey(name); {
	case name == "":
	case !validToken(name):
		text = fmt.Sprintf("%q is no header name", name)
	case ownMeaning[canonical], strings.HasPrefix(canonical, "Sec-"), strings.HasPrefix(canonical, "Proxy-"):
		text = fmt.Sprintf("%q has a meaning of its own in HTTP; take another, such as \"X-Session\"", name)
	}
	if text == "" {
		return nil
	}
	return []fault{{Field: "Header", Text: text}}
}

// ownMeaning are the headers on which servers, browsers and proxies act, by their canonical names.
var ownMeaning = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Authorization": true, "Cache-Control": true, "Connection": true, "Content-Encoding": true,
	"Content-Length": true, "Content-Type": true, "Cookie": true, "Date": true, "Etag": true, "Expect": true, "Expires": true,
	"Forwarded": true, "Host": true, "Keep-Alive": true, "Location": true, "Origin": true, "Range": true, "Referer": true,
	"Set-Cookie": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "User-Agent": true, "Vary": true,
	"Via": true, "X-Forwarded-For": true, "X-Forwarded-Proto": true,
}
