package requests

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/sid"

	msm "github.com/gomsm/msm/core"
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
	life    life
}

// op is one request of a session. Guarded by world.mu.
type op struct {
	kind   string
	in     *instance
	began  time.Time
	over   time.Time     // when it was answered, whatever came of it
	ended  time.Time     // zero: not yet, or nobody knows whether it was done
	note   string        // that it wrote
	idle   time.Duration // that it gave the session
	saw    int
	fresh  bool
	cookie string
	unused bool          // that it was there may be forgotten
	wait   time.Duration // in which its handler did something else
	busy   bool          // not answered yet
	crowd  int           // so many others of the session were at work in its instance
}

// ending is a token that was ended, for good.
type ending struct {
	cookie string
	newest bool // it was the newest one of its session
	at     time.Time
	by     *instance
	apart  bool // no node had been there, and the instances found them again one by one: not all could reach those of the session
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
	s := &session{visitor: v, name: name, cookies: []string{cookie}, setAt: time.Now(), ended: make(map[string]bool), at: in, began: time.Now(), life: life{usualIdle, usualIdle}}
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
	if kind == "idle" {
		o.idle = idles[t.rng.IntN(len(idles))]
		s.setIdle(o.idle)
	}
	if kind == "login" || kind == "logout" {
		s.ended[tokenOf(cookie)] = true
	}
	floor := s.floor(o)
	s.meet(o)
	s.ops = append(s.ops, o)
	w.note("%s sends %s of %s to %s with %s", t.name, kind, s.name, in.name, cookie)
	w.mu.Unlock()

	o.wait = t.wait()
	what := o.note
	if kind == "idle" {
		what = o.idle.String()
	}
	a := in.request(t.name, fmt.Sprintf("/%s?what=%s&wait=%v", kind, what, o.wait), cookie)

	w.mu.Lock()
	defer w.mu.Unlock()
	o.busy, o.over = false, time.Now()
	w.requests++
	w.note("%s gets for %s of %s from %s: %d %q cookie %s", t.name, kind, s.name, in.name, a.status, a.text, a.cookie)
	switch {
	case !a.ok():
		w.refuse(o, a)
		if strings.Contains(a.text, msm.ErrGone.Error()) && !s.mayHaveEnded(o) {
			w.wrongf("%s at %s finds %s gone meanwhile with %s", o.kind, in.name, s.name, cookie)
		}
	case a.text == "gone":
		s.lost(o)
		o.ended = time.Now()
	case kind == "big":
		w.wrongf("%s has taken more than it may, at %s", s.name, in.name)
	default:
		if w.fault != "away" { // what is answered while the instances find the nodes again one by one is not promised
			o.ended = time.Now()
			if kind == "idle" {
				s.hasIdle(o.idle)
			}
		}
		if s.outlived(o) {
			w.wrongf("%s is there at %s, and nobody has used it for longer than %v", s.name, in.name, s.life.longest)
		}
		s.fork(o)
		s.look(o, a.text, floor)
		s.take(o, a)
	}
	w.late(o)
}

// meet takes note of requests that are at work in an instance at the same time, also if what one has changed is stored after its
// answer.
func (s *session) meet(o *op) {
	set := s.visitor.world.set
	for _, p := range s.ops {
		if p.in == o.in && (p.busy || set.sticky && !set.sync && time.Since(p.over) < asyncLoss) {
			p.crowd++
			o.crowd++
		}
	}
	o.busy = true
}

// lost: the session was not there for a request.
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

// mayHaveEnded: a request was to end it, or nobody has used it, or what had it is lost.
func (s *session) mayHaveEnded(o *op) bool {
	return s.ended[tokenOf(o.cookie)] || s.fragile || s.mayBeOver() || s.heldElsewhere(o) || s.unknown(o)
}

// unknown: it has begun at another instance, which has not stored it yet. A visitor comes elsewhere so soon only if that one ends.
func (s *session) unknown(o *op) bool {
	w := s.visitor.world
	return w.set.sticky && !w.set.sync && o.in != s.at && o.began.Sub(s.began) < asyncLoss
}

// heldElsewhere: without backups, once the node is empty, only the memory of the instance that served the session last has it.
// An old cookie may have led there, so that the newest one names another instance, which can only say that it is gone.
func (s *session) heldElsewhere(o *op) bool {
	w := s.visitor.world
	if w.set.backups > 0 {
		return false
	}
	var last *op
	for _, p := range s.ops {
		if p != o && p.began.Before(w.emptied) && (last == nil || p.began.After(last.began)) {
			last = p
		}
	}
	return last != nil && last.in != o.in
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
		s.twice(o)
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
		// nor of what one that stands still has not stored
		if o.in != login.in && (o.ended.After(since) || o.in.halted != nil && o.ended.After(o.in.haltedAt.Add(-asyncLoss))) {
			o.ended = time.Time{}
		}
	}
}

// fork takes back what other instances have answered in the same fault, without backups: the session's node may fail for one of them
// only, and who takes it over does not find what that one stores elsewhere.
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

// twice takes back what a third request changed at the moment of two logins: it may be missing in one of the two new sessions.
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

// finish keeps the cookies of what was ended, to see that they stay dead.
func (w *world) finish(cookies []string, o *op, token string) {
	for i, c := range cookies {
		if tokenOf(c) == token {
			w.endings = append(w.endings, ending{cookie: c, newest: i == len(cookies)-1, at: time.Now(), by: o.in, apart: w.fault == "away"})
		}
	}
}
