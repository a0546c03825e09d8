package msm

import "net/http"

// tellCaches adds Vary if the session was looked at, because the response then depends on the visitor. If the visitor
// has a session, or this request has changed or ended one, it also makes the response private, whatever the handler has
// set, or not: CDNs ignore Vary and would serve it to others (rule E15).
func (x *Exchange) tellCaches(h http.Header) {
	s := &x.session
	if s.state != present {
		return
	}
	x.vary(h)
	if s.draft.exists() || s.wrote || s.ends.clear {
		makePrivate(h, x.inline[2:2])
	}
}

// vary adds to Vary the request headers on which the response depends: Cookie and Config.Header. x.inline saves an
// allocation.
func (x *Exchange) vary(h http.Header) {
	list := h["Vary"]
	if list == nil {
		list = x.inline[:0:2]
	}
	if !listed(list, "Cookie") {
		list = append(list, "Cookie")
	}
	if name := x.manager.config.Header; name != "" && !listed(list, name) {
		list = append(list, name)
	}
	h["Vary"] = list
}
