package requests

import (
	"fmt"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// session is what a visitor was promised about a session, under whatever ids it had. Guarded by world.mu.
type session struct {
	visitor *visitor
	name    string
	cookies []string // of the present token, the newest last
	setAt   time.Time
	doubt   bool            // two answers that crossed on their way brought different cookies
	ended   map[string]bool // tokens that a request was to end
	gone    bool
	fragile bool // the instance that had it crashed just after it had begun
	ops     []*op
	counts  int       // sent
	at      *instance // where it began
	began   time.Time
}

// op is one request of a session. Guarded by world.mu.
type op struct {
	kind   string
	in     *instance
	began  time.Time
	ended  time.Time // zero: not yet, or nobody knows whether it was done
	note   string    // that it wrote
	saw    int
	fresh  bool
	cookie string
	busy   bool // not answered yet
	crowd  bool // others of the session were at work in its instance
}

// ending is a token that was ended, for good.
type ending struct {
	cookie string
	newest bool // it was the newest one of its session
	at     time.Time
	by     *instance
}

// ids are what cookies have: without keys they are not signed.
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

// newSession is guarded by world.mu, like all of a session.
func newSession(v *visitor, name, cookie string, in *instance) *session {
	s := &session{visitor: v, name: name, cookies: []string{cookie}, setAt: time.Now(), ended: make(map[string]bool), at: in, began: time.Now()}
	s.fragile = v.world.fault == "away"
	v.world.sessions = append(v.world.sessions, s)
	return s
}

func (s *session) cookie() string { return s.cookies[len(s.cookies)-1] }

// kept: the cookie is still one of the present token.
func (s *session) kept(cookie string) bool {
	s.visitor.world.mu.Lock()
	defer s.visitor.world.mu.Unlock()
	return slices.Contains(s.cookies, cookie)
}

func (t *tab) send(s *session, kind string) {
	t.world.mu.Lock()
	cookie := s.cookie()
	t.world.mu.Unlock()
	t.request(s, kind, cookie)
}

func (t *tab) request(s *session, kind, cookie string) {
	w := t.world
	in := t.pick(cookie)
	if in == nil {
		return
	}
	w.mu.Lock()
	o := &op{kind: kind, in: in, began: time.Now(), cookie: cookie}
	o.fresh = cookie == s.cookie() && !s.doubt
	if kind == "note" {
		o.note = fmt.Sprintf("%s:%s:%d", s.name, t.name, len(s.ops))
	}
	if kind == "count" {
		s.counts++
	}
	if kind == "login" || kind == "logout" {
		s.ended[tokenOf(cookie)] = true
	}
	floor := s.floor(o)
	s.meet(o)
	s.ops = append(s.ops, o)
	w.note("%s sends %s of %s to %s with %s", t.name, kind, s.name, in.name, cookie)
	w.mu.Unlock()

	// Never none: what the load has set off in the background is to be ahead. And no two the same, for handlers may begin at
	// one moment.
	wait := 1 + t.rng.IntN(1e5) + t.rng.IntN(3)*t.rng.IntN(2e6)
	if w.set.locking && t.rng.IntN(15) == 0 {
		wait += 2500_000_000 + t.rng.IntN(1500_000_000)
	}
	a := in.request(t.name, fmt.Sprintf("/%s?what=%s&wait=%dns", kind, o.note, wait), cookie)

	w.mu.Lock()
	defer w.mu.Unlock()
	o.busy = false
	w.requests++
	w.note("%s gets for %s of %s from %s: %d %q cookie %s", t.name, kind, s.name, in.name, a.status, a.text, a.cookie)
	switch {
	case !a.ok():
		w.refuse(in, o, kind, a)
	case a.text == "gone":
		o.ended = time.Now()
		s.lost(o)
	case kind == "big":
		w.wrongf("%s has taken more than it may, at %s", s.name, in.name)
	default:
		if w.fault != "away" { // what is answered while the instances find the nodes again one by one is not promised
			o.ended = time.Now()
		}
		s.look(o, a.text, floor)
		s.take(o, a)
	}
	w.late(o)
}

// meet takes note of requests that are at work in an instance at the same time.
func (s *session) meet(o *op) {
	for _, p := range s.ops {
		if p.in == o.in && p.busy {
			p.crowd, o.crowd = true, true
		}
	}
	o.busy = true
}

// lost: the session was not there for a request.
func (s *session) lost(o *op) {
	w := s.visitor.world
	token := tokenOf(o.cookie)
	o.kind = "nothing"
	if !s.ended[token] && !s.fragile {
		w.wrongf("%s is gone for a request to %s with %s", s.name, o.in.name, o.cookie)
	}
	if token == tokenOf(s.cookie()) {
		s.leave()
	}
}

// leave: the visitor has no session any more.
func (s *session) leave() {
	s.gone = true
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
		w.finish(s.cookies, o, tokenOf(o.cookie))
		if tokenOf(o.cookie) == tokenOf(s.cookie()) {
			s.cookies, s.setAt, s.doubt = nil, time.Time{}, false
		}
	case a.cookie == "":
		return
	}
	if len(s.cookies) > 0 {
		if tokenOf(a.cookie) != tokenOf(s.cookie()) {
			return // of a token that was renewed meanwhile
		}
		s.doubt = s.setAt.After(o.began) && a.cookie != s.cookie()
	}
	s.setAt = time.Now()
	s.cookies = append(slices.DeleteFunc(s.cookies, func(c string) bool { return c == a.cookie }), a.cookie)
}

// leaveBehind takes back what a login on one asynchronous instance cannot know of: what another one has answered, and not
// stored yet.
func (s *session) leaveBehind(login *op) {
	if w := s.visitor.world; !w.set.sticky || w.set.sync {
		return
	}
	since := login.began.Add(-asyncLoss)
	if s.visitor.world.fault != "" {
		since = since.Add(-2 * opTimeout) // a write that fails is tried again
	}
	for _, o := range s.ops {
		if o.in != login.in && o.ended.After(since) {
			o.ended = time.Time{}
		}
	}
}

// finish keeps the cookies of what was ended, to see that they stay dead.
func (w *world) finish(cookies []string, o *op, token string) {
	for i, c := range cookies {
		if tokenOf(c) == token {
			w.endings = append(w.endings, ending{cookie: c, newest: i == len(cookies)-1, at: time.Now(), by: o.in})
		}
	}
}
