package msm

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// How the cookies of others are removed that a client has beside ours.
const (
	tidyEvery = time.Minute // at most, for they may lie where we cannot remove them
	tidyDepth = 3           // folders of the request's path
)

// signEvery is how often at most an instance signs a session's id anew that the client has already.
const signEvery = time.Minute

// setID tells the client its session's id, if it does not know it already or its copy leads to a stale one.
func (x *Exchange) setID(h http.Header) {
	s := &x.session
	if !s.exists() {
		if s.clear && x.found {
			x.removeCookies(h)
		}
		return
	}
	id := s.currentID()
	if id.Token == x.clientID.Token && x.manager.absent.ahead(id.Token) {
		return // a login beside this request has sent another cookie
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

// signsAnew: the client's id is not signed by the key that signs now, so it would be refused when the keys have changed
// further. While they change, instances differ in which key that is, and a session may visit them in turn.
func (x *Exchange) signsAnew() bool {
	return x.outdated && x.manager.signed.pass(x.session.id.Token, time.Now().Add(signEvery))
}

// speaksByHeader: the client's session came by Config.Header, or the client asked by it to be answered so. Never if the
// session came by a cookie, which is HttpOnly: a script in a page could ask as well.
func (x *Exchange) speaksByHeader() bool { return x.byHeader || x.asked && !x.byCookie }

func (x *Exchange) setHeader(h http.Header, id string) {
	name := x.manager.config.Header
	h.Set(name, id)
	addOnce(h, "Cache-Control", `no-cache="`+name+`"`)
}

// tidies: the client has other cookies of our name, which would have to be told apart at every request.
func (x *Exchange) tidies() bool {
	m, token := x.manager, x.session.id.Token
	return x.several && !x.byHeader && !m.absent.ahead(token) && m.tidied.pass(token, time.Now().Add(tidyEvery))
}

func (x *Exchange) setCookie(h http.Header, value string) {
	if x.several {
		x.removeOthers(h)
	}
	cookie := x.cookie()
	cookie.Value, cookie.MaxAge = value, maxAge(x.manager.cookieLife(x.session.view()))
	addCookie(h, cookie)
}

func (x *Exchange) removeCookies(h http.Header) {
	if x.several {
		x.removeOthers(h)
	}
	cookie := x.cookie()
	cookie.MaxAge = -1
	addCookie(h, cookie)
}

// removeOthers removes cookies of our name where a former configuration may have put them. A browser does not say where a
// cookie lies, but one that it sends lies on the path of the request. Those above our own path may be another app's; those
// of other domains cannot be known.
func (x *Exchange) removeOthers(h http.Header) {
	old := x.cookie()
	old.MaxAge = -1
	domains := []string{old.Domain}
	if old.Domain != "" {
		domains = append(domains, "") // the host alone
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

// foldersBelow answers the paths of cookies that a request for path carries, as far as they are longer than top.
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

// cookie is the template as this client gets it.
func (x *Exchange) cookie() http.Cookie {
	cookie := x.manager.config.Cookie
	cookie.Secure = cookie.Secure || x.secure
	return cookie
}

func addCookie(h http.Header, cookie http.Cookie) {
	h.Add("Set-Cookie", cookie.String())
	addOnce(h, "Cache-Control", noCookies)
}

func addOnce(h http.Header, name, value string) {
	if !slices.Contains(h.Values(name), value) {
		h.Add(name, value)
	}
}
