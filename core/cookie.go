package msm

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// tidyEvery and tidyDepth bound the removal of cookies of our name that a client has besides the session's own.
const (
	tidyEvery = time.Minute // between two tries for a session: they may lie where we cannot remove them
	tidyDepth = 3           // folders of the request's path that are tried
)

// signEvery is how often at most an instance sends an id again only to have it signed anew.
const signEvery = time.Minute

// setID sends the client its session's id if it does not have it, if its copy leads to a stale node, or if the cookie
// is to be set again (rule E14). If the session was destroyed it removes the cookie.
func (x *Exchange) setID(h http.Header) {
	s := &x.session
	if !s.exists() {
		if s.clear && x.found {
			x.removeCookies(h)
		}
		return
	}
	id := s.currentID()
	if id.Token == x.clientID.Token && x.manager.absent.Ahead(id.Token) {
		return // a login at the same time has ended this session and sent another cookie
	}
	known := id == x.clientID && (s.access == nil || !s.access.Moved())
	if known && !x.cookieDue() && !x.tidies() && !x.signsAnew() {
		return
	}
	if text := x.manager.format.Spell(id); x.speaksByHeader() {
		x.setHeader(h, text)
	} else {
		x.setCookie(h, text)
	}
}

// signsAnew reports whether the id is to be sent again because it is not signed by the first of Config.SigningKeys:
// once the keys have changed further it would be refused. While they change, instances sign by different keys, and a
// session may visit them in turn; signEvery bounds how often they send it.
func (x *Exchange) signsAnew() bool {
	return x.outdated && x.manager.signed.Pass(x.session.id.Token, time.Now().Add(signEvery))
}

// speaksByHeader reports whether the client gets its id in Config.Header: its session came by that header, or the
// request has the header and no session came by a cookie (rule E15). The id of a cookie, which is HttpOnly, is never
// sent in a header: a script in a page could send the header and read the answer.
func (x *Exchange) speaksByHeader() bool { return x.byHeader || x.asked && !x.byCookie }

// setHeader sends the id in Config.Header, and keeps caches from giving it to other clients.
func (x *Exchange) setHeader(h http.Header, id string) {
	name := x.manager.config.Header
	h.Set(name, id)
	addOnce(h, "Cache-Control", `no-cache="`+name+`"`)
}

// tidies reports whether other cookies of our name are to be removed: they would have to be told apart at every
// request.
func (x *Exchange) tidies() bool {
	m, token := x.manager, x.session.id.Token
	return x.several && !x.byHeader && !m.absent.Ahead(token) && m.tidied.Pass(token, time.Now().Add(tidyEvery))
}

// setCookie sends the session's cookie with its life, and removes other cookies of our name.
func (x *Exchange) setCookie(h http.Header, value string) {
	if x.several {
		x.removeOthers(h)
	}
	cookie := x.cookie()
	cookie.Value, cookie.MaxAge = value, maxAge(x.manager.cookieLife(x.session.view()))
	addCookie(h, cookie)
}

// removeCookies removes the session's cookie, and others of our name, from the client.
func (x *Exchange) removeCookies(h http.Header) {
	if x.several {
		x.removeOthers(h)
	}
	cookie := x.cookie()
	cookie.MaxAge = -1
	addCookie(h, cookie)
}

// removeOthers removes cookies of our name where an earlier configuration may have set them. A browser does not say
// where a cookie lies, but it sends only those on the path of the request. Cookies above our own path may be another
// app's, and those of other domains cannot be known: both stay.
func (x *Exchange) removeOthers(h http.Header) {
	old := x.cookie()
	old.MaxAge = -1
	domains := []string{old.Domain}
	if old.Domain != "" {
		domains = append(domains, "") // a cookie without Domain, for the host alone
		old.Domain = ""
		addCookie(h, old)
	}
	for _, path := range foldersBelow(old.Path, x.request.URL.EscapedPath()) {
		for _, domain := range domains {
			old.Path, old.Domain = path, domain
			addCookie(h, old)
		}
	}
}

// foldersBelow returns the cookie paths below top whose cookies a request for path carries, tidyDepth folders deep at
// most.
func foldersBelow(top, path string) (list []string) {
	rest, within := strings.CutPrefix(path, strings.TrimSuffix(top, "/")+"/")
	if !within || !validCookiePath(path) {
		return nil
	}
	folder := path[:len(path)-len(rest)]
	for range tidyDepth {
		var name string
		var more bool
		if name, rest, more = strings.Cut(rest, "/"); name != "" {
			list = append(list, folder+name)
		}
		folder += name + "/"
		if !more {
			break
		}
		list = append(list, folder)
	}
	return list
}

// cookie returns Config.Cookie as this client gets it: Secure if it speaks TLS.
func (x *Exchange) cookie() http.Cookie {
	cookie := x.manager.config.Cookie
	cookie.Secure = cookie.Secure || x.secure
	return cookie
}

// addCookie adds the cookie to h, and keeps caches from giving it to other clients.
func addCookie(h http.Header, cookie http.Cookie) {
	h.Add("Set-Cookie", cookie.String())
	addOnce(h, "Cache-Control", noCookies)
}

// addOnce adds a value to a header that does not have it yet.
func addOnce(h http.Header, name, value string) {
	if !slices.Contains(h.Values(name), value) {
		h.Add(name, value)
	}
}
