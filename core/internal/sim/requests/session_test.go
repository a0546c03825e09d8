package requests

import (
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// session is what a visitor was promised about a session, under whatever ids it had. Guarded by world.mu.
type session struct {
	visitor *visitor
	name    string
	cookies []string        // of the present token, the newest last
	setAt   time.Time       // when the newest cookie was set
	doubt   bool            // two answers that crossed brought different cookies
	ended   map[string]bool // tokens that a request was to end
	fragile bool            // it may be lost: only the instance where it began has it, or no node was there
	ops     []*op
	counts  int       // count requests sent
	at      *instance // where it began
	began   time.Time
	life    life
}

// ending is a cookie of a session that was ended for good.
type ending struct {
	cookie string
	at     time.Time
	by     *instance
	apart  bool // no node was there, and the instances find the nodes again one by one: not all could reach those of the session
}

// ids reads the ids in cookies. Without keys they are not signed.
var ids = func() *sid.Format {
	f, err := sid.NewFormat("SESSION", nil, time.Time{})
	if err != nil {
		panic(err)
	}
	return f
}()

func tokenOf(cookie string) string {
	id, _, _ := ids.Parse(cookie)
	return id.Token
}

// newSession returns a session that has begun. Guarded by world.mu, like everything about a session.
func newSession(v *visitor, name, cookie string, in *instance) *session {
	s := &session{visitor: v, name: name, cookies: []string{cookie}, setAt: time.Now(), ended: make(map[string]bool), at: in, began: time.Now(), life: life{usualIdle, usualIdle}}
	s.fragile = v.world.fault == "away"
	v.world.sessions = append(v.world.sessions, s)
	return s
}

func (s *session) cookie() string { return s.cookies[len(s.cookies)-1] }

// kept reports whether the cookie is still one of the present token.
func (s *session) kept(cookie string) bool {
	s.visitor.world.mu.Lock()
	defer s.visitor.world.mu.Unlock()
	return slices.Contains(s.cookies, cookie)
}

// lost is called when the session was not there for a request.
func (s *session) lost(o *op) {
	w := s.visitor.world
	token := tokenOf(o.cookie)
	o.kind = "nothing"
	if !s.mayHaveEnded(o) {
		w.wrongf("%s is gone for a request to %s with %s", s.name, o.in.name, o.cookie)
	}
	if token == tokenOf(s.cookie()) {
		s.leave()
	}
}

// mayHaveEnded reports whether the session may be gone: a request was to end it, or nobody has used it, or what had it
// is lost.
func (s *session) mayHaveEnded(o *op) bool {
	return s.ended[tokenOf(o.cookie)] || s.fragile || s.mayBeOver() || s.heldElsewhere(o) || s.unknown(o) || s.onOneNode(o)
}

// onOneNode reports whether instances differ in their backups, and one without has stored the session on a node that is away by now. One with
// a backup believes the others, which have nothing: docs/guarantees.md says so of the time in which Backups is raised.
func (s *session) onOneNode(o *op) bool {
	w := s.visitor.world
	return w.set.mixed && w.set.backups == 0 && (w.fault != "" || w.disturbedSince(o.began))
}

// unknown reports whether the session has begun at another instance, which has not stored it yet. A visitor comes
// elsewhere so soon only if that instance is about to end.
func (s *session) unknown(o *op) bool {
	w := s.visitor.world
	return w.set.sticky && !w.set.sync && o.in != s.at && o.began.Sub(s.began) < asyncLoss
}

// heldElsewhere reports whether only the memory of another instance can have the session. That is so without backups
// once the node is empty: only the instance that served the session last has it. An old cookie may have led there, so
// that the newest one names another instance, which can only say that the session is gone.
func (s *session) heldElsewhere(o *op) bool {
	w := s.visitor.world
	if w.set.backups > 0 {
		return false
	}
	var last *op
	for _, p := range s.ops {
		if p == o || !p.began.Before(w.emptied) {
			continue
		}
		if p.in != o.in && w.emptied.Sub(p.began) < flip {
			return true // it took the session over, which this instance may have heard after its last request only
		}
		if last == nil || p.began.After(last.began) {
			last = p
		}
	}
	return last != nil && last.in != o.in
}

// flip is how long an instance may go on serving a session that another one has taken over.
const flip = 500 * time.Millisecond

// leave records that the visitor has no session any more.
func (s *session) leave() {
	if s.visitor.jar == s {
		s.visitor.jar = nil
	}
}

// take keeps the cookie that an answer brought.
func (s *session) take(o *op, a answer) {
	w := s.visitor.world
	switch {
	case o.kind == "logout":
		w.finish(s.cookies, o, tokenOf(o.cookie))
		if tokenOf(o.cookie) == tokenOf(s.cookie()) {
			s.leave()
		}
		return
	case o.kind == "login":
		s.fragile = w.fault == "away"
		s.leaveBehind(o)
		s.twice(o)
		w.finish(s.cookies, o, tokenOf(o.cookie))
		if tokenOf(o.cookie) == tokenOf(s.cookie()) {
			s.cookies, s.setAt, s.doubt = nil, time.Time{}, false
		}
	case a.cookie == "":
		return
	}
	if len(s.cookies) > 0 {
		if tokenOf(a.cookie) != tokenOf(s.cookie()) { // of a token that was renewed meanwhile
			if o.kind == "login" {
				o.ended = time.Time{} // the other login's session, which goes on, may lack what this one has taken along
			}
			return
		}
		s.doubt = s.setAt.After(o.began) && a.cookie != s.cookie()
	}
	s.setAt = time.Now()
	s.cookies = append(slices.DeleteFunc(s.cookies, func(c string) bool { return c == a.cookie }), a.cookie)
}

// leaveBehind takes back the promises that a login at one asynchronous instance cannot keep: it does not know what
// another one has answered and not stored yet.
func (s *session) leaveBehind(login *op) {
	if w := s.visitor.world; !w.set.sticky || w.set.sync {
		return
	}
	since := login.began.Add(-asyncLoss)
	if s.visitor.world.fault != "" {
		since = since.Add(-2 * opTimeout) // a write that fails is tried again
	}
	for _, o := range s.ops {
		// nor does it know what a halted instance has not stored
		if o.in != login.in && (o.ended.After(since) || o.in.halted != nil && o.ended.After(o.in.haltedAt.Add(-asyncLoss))) {
			o.ended = time.Time{}
		}
	}
}

// fork takes back, without backups, what other instances have answered in the same fault. The session's node may fail
// for one of them only, and an instance that takes the session over does not find what that one stores elsewhere.
func (s *session) fork(o *op) {
	w := s.visitor.world
	if !w.set.sticky || w.set.backups > 0 || w.fault == "" {
		return
	}
	for _, p := range s.ops {
		if p.in != o.in && p.ended.After(w.struck) {
			p.ended = time.Time{}
		}
	}
}

// twice takes back what a third request changed at the moment of two logins: one of the two new sessions may lack it.
func (s *session) twice(login *op) {
	since, logins := login.began, 0
	for _, o := range s.ops {
		if o.kind == "login" && tokenOf(o.cookie) == tokenOf(login.cookie) && (o.busy || !o.over.Before(login.began)) {
			since, logins = earlier(since, o.began), logins+1
		}
	}
	for _, o := range s.ops {
		if logins > 1 && o.kind != "login" && o.ended.After(since) {
			o.ended = time.Time{}
		}
	}
}

// finish keeps the cookies of a token that was ended, to check later that they stay dead.
func (w *world) finish(cookies []string, o *op, token string) {
	for _, c := range cookies {
		if tokenOf(c) == token {
			w.endings = append(w.endings, ending{cookie: c, at: time.Now(), by: o.in, apart: w.fault == "away"})
		}
	}
}
