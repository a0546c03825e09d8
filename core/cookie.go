package msm

import (
	"math"
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

// cookieParts is in how many parts a cookie's life is divided: the cookie is set again when one of them is over.
const cookieParts = 10

// writeID sends the client its session's id if it does not have it, if its copy leads to a stale node, or if the cookie
// is to be set again (rule E14). If the session was destroyed it removes the cookie.
func (x *Exchange) writeID(h http.Header) {
	s := &x.session
	if !s.draft.exists() {
		if s.ends.clear && x.client.found {
			x.removeCookies(h)
		}
		return
	}
	id := s.currentID()
	if id.Token == x.client.id.Token && x.manager.absences.has(id.Token) {
		return // a login at the same time has ended this session and sent another cookie
	}
	known := id == x.client.id && (s.at == nil || !s.at.moved())
	if known && !x.cookieDue() && !x.tidies() && !x.signsAnew() {
		return
	}
	if text := x.manager.keys.format().Spell(id); x.client.speaksByHeader() {
		x.setHeader(h, text)
	} else {
		x.setCookie(h, text)
	}
}

// signsAnew reports whether the id is to be sent again because it is not signed by the first of Config.SigningKeys:
// once the keys have changed further it would be refused. While they change, instances sign by different keys, and a
// session may visit them in turn; signEvery bounds how often they send it.
func (x *Exchange) signsAnew() bool {
	return x.client.outdated && x.manager.signed.Pass(x.session.id.Token, time.Now().Add(signEvery))
}

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
	return x.client.several && !x.client.byHeader && !m.absences.has(token) && m.tidied.Pass(token, time.Now().Add(tidyEvery))
}

// setCookie sends the session's cookie with its life, and removes other cookies of our name.
func (x *Exchange) setCookie(h http.Header, value string) {
	if x.client.several {
		x.removeOthers(h)
	}
	cookie := x.cookie()
	cookie.Value, cookie.MaxAge = value, maxAge(x.manager.cookieLife(x.session.draft.view()))
	x.warnOfClearText(&cookie)
	addCookie(h, cookie)
}

// removeCookies removes the session's cookie, and others of our name, from the client.
func (x *Exchange) removeCookies(h http.Header) {
	if x.client.several {
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
	cookie.Secure = cookie.Secure || x.client.secure
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

// cookieDue reports whether the client has to get its cookie again, so that it does not end while the visitor is here:
// at one request in a tenth of its life, of those to all instances, or if it is to have another life. It is false if
// the session has ended meanwhile: a login beside this request has sent another cookie.
func (x *Exchange) cookieDue() bool {
	s, m := &x.session, x.manager
	life := m.cookieLife(s.draft.base)
	switch {
	case x.client.speaksByHeader() || m.absences.has(s.id.Token):
		return false
	case life == 0:
		return x.client.life != 0
	}
	return s.at.cookieDue(s.draft.base, life/cookieParts) || x.client.life != life
}

// maxAge returns a life as the seconds of a cookie's Max-Age.
func maxAge(life time.Duration) int { return int(min(life/time.Second, math.MaxInt32)) }
