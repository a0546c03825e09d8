package requests

import (
	"fmt"
	"strings"
	"time"

	msm "github.com/gomsm/msm/core"
)

// op is one request of a session. Guarded by world.mu.
type op struct {
	kind   string
	in     *instance
	began  time.Time
	over   time.Time     // when it was answered, whatever came of it
	ended  time.Time     // when it was done; zero: not yet, or nobody knows whether it was
	note   string        // that it wrote
	idle   time.Duration // the idle timeout that it gave the session
	saw    int           // the count that it saw
	fresh  bool          // its cookie was the newest when it began
	cookie string
	unused bool          // that it used the session may be forgotten
	wait   time.Duration // how long its handler did something else
	busy   bool          // not answered yet
	crowd  int           // how many others of the session were at work in its instance
}

// send sends a request with the session's newest cookie.
func (t *tab) send(s *session, kind string) {
	t.world.mu.Lock()
	cookie := s.cookie()
	t.world.mu.Unlock()
	t.request(s, kind, cookie)
}

// request sends a request, and checks the answer.
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
		if w.fault != "away" { // nothing is promised while the instances find the nodes again one by one
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

// meet records which requests are at work in an instance at the same time. A request whose change is stored after its
// answer counts until then.
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
