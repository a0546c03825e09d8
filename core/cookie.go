package msm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gomsm/msm/core/internal/sid"
)

// maxCandidates bounds how many cookies of our name are looked at: each may cost a signature's check.
const maxCandidates = 4

// clientID answers the id that a request carries, in Config.Header or in the cookie; zero if there is none that can be
// taken. Of several cookies the one that verifies counts; if two different ones do, someone planted one: none.
func (m *Manager) clientID(r *http.Request) (id sid.ID, byHeader bool) {
	if value := m.headerID(r); value != "" {
		id, _ = m.format.Parse(value)
		return id, true
	}
	found := 0
	for value := range cookies(r.Header["Cookie"], m.config.Cookie.Name) {
		if found++; found > maxCandidates {
			return sid.ID{}, false
		}
		parsed, ok := m.format.Parse(value)
		if ok && !id.IsZero() && parsed != id {
			return sid.ID{}, false
		}
		if ok {
			id = parsed
		}
	}
	return id, false
}

func (m *Manager) headerID(r *http.Request) string {
	if m.config.Header == "" {
		return ""
	}
	return r.Header.Get(m.config.Header)
}

// cookies goes through the values of all cookies of a name, as they were sent: nothing is unescaped or unquoted, for an
// id needs neither. http.Request.CookiesNamed would do, at two allocations for requests that never look at the session.
func cookies(lines []string, name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for line != "" {
				var part string
				part, line, _ = strings.Cut(line, ";")
				key, value, ok := strings.Cut(strings.Trim(part, " \t"), "=")
				if ok && key == name && !yield(value) {
					return
				}
			}
		}
	}
}

// setID tells the client its session's id, if it does not know it already or its copy leads to a stale one.
func (x *Exchange) setID(h http.Header) {
	s := &x.session
	if !s.exists() {
		if s.clear && x.manager.hasCookie(x.request) {
			x.setCookie(h, "", -1)
		}
		return
	}
	id := s.currentID()
	if id == x.clientID && (s.access == nil || !s.access.Moved()) {
		return
	}
	if x.manager.config.Header != "" {
		h.Set(x.manager.config.Header, id.String())
	}
	if !x.byHeader {
		x.setCookie(h, id.String(), x.manager.config.Cookie.MaxAge)
	}
}

func (m *Manager) hasCookie(r *http.Request) bool {
	for range cookies(r.Header["Cookie"], m.config.Cookie.Name) {
		return true
	}
	return false
}

func (x *Exchange) setCookie(h http.Header, value string, maxAge int) {
	cookie := x.manager.config.Cookie
	cookie.Value, cookie.MaxAge = value, maxAge
	cookie.Secure = cookie.Secure || x.secure
	h.Add("Set-Cookie", cookie.String())
	if !slices.Contains(h.Values("Vary"), "Cookie") {
		h.Add("Vary", "Cookie")
	}
	h.Add("Cache-Control", `no-cache="Set-Cookie"`)
}
