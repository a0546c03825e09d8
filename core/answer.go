package msm

import "net/http"

// answer answers a request whose session could not be loaded or stored: it calls Config.ErrorHandler, or sends the default
// response if that writes nothing, counts the request in Stats, and logs it. Nothing of a response may have been sent.
func (x *Exchange) answer(w http.ResponseWriter, err error) {
	x.session.enter()
	token := x.client.id.Token
	x.session.mu.Unlock()
	x.report(token, "request without its session", err)
	own := &Exchange{visit: visit{manager: x.manager}, refusal: refusal{answering: true}}
	x.manager.config.ErrorHandler(own.Writer(w), x.request, err)
	if !own.refusal.answered {
		defaultErrorHandler(w, x.request, err)
	}
}

// showID puts the id of a new or renewed session into h before the commit, for handlers that copy h into a response
// of their own. It reports whether there is such an id.
func (x *Exchange) showID(h http.Header) bool {
	s := &x.session
	s.enter()
	defer s.mu.Unlock()
	renewed := s.ends.ended != nil && s.ends.ended.renewed
	if s.state != present || s.draft.base != nil || s.draft.work == nil || !renewed && !s.begins() {
		return false
	}
	x.writeID(h)
	return true
}
