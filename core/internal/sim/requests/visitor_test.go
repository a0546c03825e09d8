package requests

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// visitor has a cookie jar, and tabs that share it.
type visitor struct {
	world  *world
	name   string
	num    int
	jar    *session // the present session; nil: none
	begins bool     // a session is about to begin
}

// tab sends one request after the other.
type tab struct {
	*visitor
	name   string
	rng    *rand.Rand
	slow   bool // its handlers take long
	rested bool // it did nothing for a while before this request
}

// run sends requests until the play is over.
func (t *tab) run() {
	for {
		t.sleep()
		t.world.mu.Lock()
		over, paused := t.world.over, t.world.paused
		if !over && !paused {
			t.world.acting++
		}
		t.world.mu.Unlock()
		if over {
			return
		}
		if !paused {
			t.act()
			t.world.mu.Lock()
			t.world.acting--
			t.world.mu.Unlock()
		}
	}
}

// sleep sleeps between two requests.
func (t *tab) sleep() {
	t.world.mu.Lock()
	t.rested = t.world.resting
	t.world.mu.Unlock()
	d := time.Duration(t.rng.ExpFloat64() * float64(t.world.pace()))
	if t.rested {
		d = t.rests()
	}
	time.Sleep(d + time.Duration(t.rng.IntN(1e6)))
}

// pace returns the mean time between two requests of a tab. During a long halt of an instance requests are fewer.
func (w *world) pace() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == "halt" && time.Since(w.struck) > time.Second {
		return 20 * w.set.pace
	}
	return w.set.pace
}

// act sends a random request.
func (t *tab) act() {
	s := t.session()
	if s == nil {
		return
	}
	switch n := t.rng.IntN(100); {
	case t.rested:
		t.send(s, "read")
	case t.world.set.lists && n > 95 && n < 98:
		t.stray(s)
	case t.world.set.idles && n > 95 && n < 99:
		t.send(s, "idle")
	case n < 50:
		t.send(s, "count")
	case n < 72:
		t.send(s, "read")
	case n < 80:
		t.send(s, "note")
	case n < 82:
		t.send(s, "forget")
	case n < 84:
		t.send(s, "login")
	case n < 86:
		t.send(s, "logout")
	case n < 87:
		t.send(s, "big")
	case n < 90:
		t.old(s, "count")
	case n < 96:
		t.old(s, "read")
	default:
		t.dead()
	}
}

// session returns the visitor's session, which it begins if there is none. It returns nil if another tab is doing that,
// or if that fails.
func (t *tab) session() *session {
	w := t.world
	in := t.pick("")
	w.mu.Lock()
	s := t.jar
	if s != nil || t.begins || in == nil {
		w.mu.Unlock()
		return s
	}
	t.begins = true
	t.num++
	w.mu.Unlock()
	name := fmt.Sprintf("%s.%d", t.visitor.name, t.num)
	o := &op{kind: "begin", in: in, began: time.Now()}
	a := in.request(t.name, "/begin?what="+name, "")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note("%s begins %s at %s: %d %s", t.name, name, in.name, a.status, a.text)
	w.requests++
	t.begins = false
	if !a.ok() {
		w.refuse(o, a)
		return nil
	}
	t.jar = newSession(t.visitor, name, a.cookie, in)
	return t.jar
}

// old sends a request with a cookie of the session's present token that is not the newest.
func (t *tab) old(s *session, kind string) {
	w := t.world
	w.mu.Lock()
	cookie := ""
	if list := s.cookies; len(list) > 1 {
		cookie = list[t.rng.IntN(len(list)-1)]
	}
	if w.set.sticky && cookie != "" && !t.mayFlip(cookie) { // mostly its instance is not that of the newest one
		cookie = ""
	}
	w.mu.Unlock()
	if cookie != "" && s.kept(cookie) {
		t.request(s, kind, cookie)
	}
}

// stray sends a request with the newest cookie, changed to name a node that nobody knows.
func (t *tab) stray(s *session) {
	t.world.mu.Lock()
	cookie := s.cookie()
	t.world.mu.Unlock()
	t.request(s, "read", stray(cookie))
}

// dead sends a request with a cookie of a session that was destroyed or renewed.
func (t *tab) dead() {
	t.world.mu.Lock()
	e := ending{}
	if list := t.world.endings; len(list) > 0 {
		e = list[t.rng.IntN(len(list))]
	}
	t.world.mu.Unlock()
	if e.cookie == "" {
		return
	}
	if t.world.set.lists && t.rng.IntN(4) == 0 {
		e.cookie = stray(e.cookie)
	}
	t.check(e)
}

// check checks that a session that was ended is not accepted any more.
func (t *tab) check(e ending) {
	in := t.pick("")
	if in == nil {
		return
	}
	w, o := t.world, &op{kind: "read of what is dead", in: in, began: time.Now()}
	a := in.request(t.name, "/read", e.cookie)
	w.mu.Lock()
	w.requests++
	w.note("%s comes to %s with the dead cookie %s: %d %s", t.name, in.name, e.cookie, a.status, a.text)
	late := o.began.Sub(e.at)
	if !a.ok() {
		w.refuse(o, a)
	}
	excused := late < soon && (w.set.sticky && in != e.by || w.disturbedSince(e.at.Add(-soon))) || e.apart || w.unheard(e)
	w.mu.Unlock()
	switch {
	case a.ok() && a.text != "gone" && (excused || w.forgotten(e)):
		w.excuse("an old cookie is accepted after the logout")
	case a.ok() && a.text != "gone":
		w.violate("the cookie %s was accepted by %s %v after its session was ended: %s", e.cookie, in.name, late, a.text)
	}
}

// unheard reports whether a sticky instance may not have heard of a logout. It hears of it a moment later, but not if
// no node is there by then.
func (w *world) unheard(e ending) bool {
	return w.set.sticky && w.disturbed == "away" && w.disturbedSince(e.at) && w.struck.Sub(e.at) < soon
}

// forgotten reports whether a logout may be lost: without backups, once every node that had it has lost its memory.
func (w *world) forgotten(e ending) bool { return w.set.backups == 0 && w.disturbedSince(e.at) }

// pick is the load balancer. It picks the instance that the cookie names, or most of the time, or any.
func (t *tab) pick(cookie string) *instance {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*instance
	for _, in := range w.instances {
		if in != nil && !in.dead && !in.draws && in.halted == nil {
			list = append(list, in)
		}
	}
	if len(list) == 0 {
		return nil
	}
	some := list[t.rng.IntN(len(list))]
	flip := t.rng.Float64() < w.set.flips
	id, _, _ := ids.Parse(cookie)
	if id.Route == "" || flip && t.mayFlip(cookie) {
		return some
	}
	for _, in := range list {
		if in.route == id.Route {
			return in
		}
	}
	return some
}

// mayFlip reports whether a request may go to another instance. What only an instance's memory has is out of the reach
// of others until it is stored. Without backups that is so again while the session's node is away.
func (t *tab) mayFlip(cookie string) bool {
	w := t.world
	if w.set.backups == 0 && (w.fault != "" || time.Since(w.calmSince) < soon) {
		return false
	}
	return w.set.sync || w.begun(cookie)
}
