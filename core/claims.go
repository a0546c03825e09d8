package msm

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// maxCookies bounds how many cookies of our name count: each may cost the check of a signature and a look at the nodes.
const maxCookies = 4

// client is what a request says about who sent it: the ids in its cookies and in Config.Header, and which of them is the
// client's.
type client struct {
	claim                  // whose id is the client's; the zero claim: it has none, or none is chosen yet
	claims   []claim       // all, if there are several; else nil
	chosen   bool          // it is decided which of several counts
	byCookie bool          // its session came by a cookie
	asked    bool          // the request has Config.Header
	found    bool          // the request has a cookie of our name
	several  bool          // it has several of our name, with different values
	secure   bool          // it speaks TLS
	late     bool          // its session was given another id a moment ago
	refused  int           // how many of its ids this application has not made
	life     time.Duration // of the cookie that it has, if its session exists; zero: until the browser ends
}

// claim is an id in a request that this manager could have made. Whether its session exists is not known yet.
type claim struct {
	id       sid.ID
	byHeader bool
	outdated bool // it should be sent again as ids are signed now; see sid.Format.Parse
}

// read takes the ids from the request's cookies and Config.Header. Which of several is the client's is decided when the
// session is needed; see choose. If there are more than maxCookies cookies of our name no cookie counts: nobody has so
// many by mistake.
func (c *client) read(r *http.Request, m *Manager) {
	if c.readIDs(r, m); c.refused > 0 {
		m.suspects.refuse(m.log, c.refused)
	}
}

func (c *client) readIDs(r *http.Request, m *Manager) {
	if values := m.headerValues(r); len(values) > 0 {
		c.asked = true
		c.add(values[0], true, m.keys.format())
	}
	found, first := 0, ""
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var value string
			var ok bool
			if value, line, ok = cutCookie(line, m.config.Cookie.Name); !ok {
				continue
			}
			if found++; found == 1 {
				c.found, first = true, value
			}
			c.several = c.several || value != first
			if found > maxCookies {
				c.dropCookies()
				m.suspects.choose(m.log)
				return
			}
			c.add(value, false, m.keys.format())
		}
	}
}

// headerValues returns the values of Config.Header in the request.
func (m *Manager) headerValues(r *http.Request) []string {
	if m.config.Header == "" {
		return nil
	}
	return r.Header.Values(m.config.Header)
}

// add adds a value, which may be an id. If two cookies name the same session with different nodes the later one counts:
// browsers send the cookie of the shortest path last (RFC 6265, 5.4), and that is more likely ours.
func (c *client) add(value string, byHeader bool, format *sid.Format) {
	id, outdated, ok := format.Parse(value)
	one := claim{id, byHeader, outdated}
	switch {
	case !ok:
		c.refused++
	case c.isZero():
		c.claim = one
	case c.claims == nil && c.id.Token == id.Token:
		if !c.byHeader {
			c.claim = one
		}
	case c.claims == nil:
		c.claims = []claim{c.claim, one}
		c.claim = claim{}
	default:
		c.addOneMore(one)
	}
}

// isZero reports whether the request has no ids.
func (c *client) isZero() bool { return c.id.IsZero() && c.claims == nil }

// addOneMore adds a claim to several. It replaces a cookie's claim to the same session.
func (c *client) addOneMore(one claim) {
	for i, old := range c.claims {
		if old.id.Token == one.id.Token {
			if !old.byHeader {
				c.claims[i] = one
			}
			return
		}
	}
	c.claims = append(c.claims, one)
}

// dropCookies drops the ids that came in cookies, and keeps that of the header.
func (c *client) dropCookies() {
	first := c.claim
	if c.claims != nil {
		first = c.claims[0] // the header's, if there is one, because that is read first
	}
	c.claims = nil
	if !first.byHeader {
		first = claim{}
	}
	c.claim = first
}

// same reports whether another request has the same ids.
func (c *client) same(other *client) bool {
	if c.claims != nil || other.claims != nil {
		return slices.Equal(other.claims, c.claims)
	}
	return other.id == c.id && other.byHeader == c.byHeader
}

// speaksByHeader reports whether the client gets its id in Config.Header: its session came by that header, or the
// request has the header and no session came by a cookie (rule E15). The id of a cookie, which is HttpOnly, is never
// sent in a header: a script in a page could send the header and read the answer.
func (c *client) speaksByHeader() bool { return c.byHeader || c.asked && !c.byCookie }

// cutCookie splits the first cookie off a Cookie header. It returns the value as it was sent, and whether the cookie
// has that name. An id needs no unescaping or unquoting. http.Request.CookiesNamed would cost requests that never look
// at the session two allocations.
func cutCookie(line, name string) (value, rest string, ok bool) {
	part, rest, _ := strings.Cut(line, ";")
	key, value, ok := strings.Cut(strings.Trim(part, " \t"), "=")
	return value, rest, ok && key == name
}
