package requests

import (
	"fmt"
	"slices"
	"strings"
	"time"

	msm "github.com/gomsm/msm/core"
)

// Everything in this file is guarded by world.mu.

// floor returns how many counts a request that begins now must see at least.
func (s *session) floor(o *op) (n int) {
	if !o.fresh {
		return 0
	}
	seen := 0
	for _, p := range s.ops {
		if p.ended.IsZero() || !s.visible(p, o) {
			continue
		}
		if p.kind == "count" {
			n++
		}
		if p.fresh && !s.visitor.world.set.sticky {
			seen = max(seen, p.saw)
		}
	}
	return max(n, seen)
}

// visible reports whether o, which begins now, must see what p has done, which has ended. Sticky instances learn a
// moment later what others did to a session that several have served.
func (s *session) visible(p, o *op) bool {
	w := s.visitor.world
	return !w.set.sticky || s.only(o.in, p.began) || o.began.Sub(p.ended) > soon && !w.disturbedSince(p.ended)
}

// only reports whether no other instance has had requests of the session since.
func (s *session) only(in *instance, since time.Time) bool {
	for _, q := range s.ops {
		if q.in != in && (q.ended.IsZero() || !q.ended.Before(since)) {
			return false
		}
	}
	return true
}

// oneWriter reports whether only one instance has changed the note since.
func (s *session) oneWriter(since time.Time) bool {
	var in *instance
	for _, q := range s.ops {
		if q.kind != "note" && q.kind != "forget" || !q.ended.IsZero() && q.ended.Before(since) {
			continue
		}
		if in != nil && q.in != in {
			return false
		}
		in = q.in
	}
	return true
}

// disturbedSince reports whether there was a fault after that moment, or is one now.
func (w *world) disturbedSince(t time.Time) bool { return w.fault != "" || w.calmSince.After(t) }

// look checks what a request saw.
func (s *session) look(o *op, text string, floor int) {
	w := s.visitor.world
	var name, note string
	if _, err := fmt.Sscanf(text, "%s %d %q", &name, &o.saw, &note); err != nil || name != s.name {
		w.wrongf("%s sees what is not its own: %q", s.name, text)
		return
	}
	if o.saw < floor {
		w.wrongf("%s sees %d counts at %s with %s, and was promised %d", s.name, o.saw, o.in.name, o.cookie, floor)
	}
	if o.saw > s.counts {
		w.wrongf("%s sees %d counts at %s, and has sent %d", s.name, o.saw, o.in.name, s.counts)
	}
	if !s.wrote(note) {
		w.wrongf("%s sees a note that it never wrote: %q", s.name, note)
	}
	if o.fresh && s.overwritten(note, o) {
		w.wrongf("%s sees an old note at %s with %s: %q", s.name, o.in.name, o.cookie, note)
	}
	if !o.fresh {
		s.stale(o)
	}
}

// wrote reports whether a request of the session wrote the note.
func (s *session) wrote(note string) bool {
	if note == "" {
		return true
	}
	for _, p := range s.ops {
		if p.kind == "note" && p.note == note {
			return true
		}
	}
	return false
}

// overwritten reports whether o must not see the note: every write of it had ended when another write began, and that
// one had ended when o began.
func (s *session) overwritten(note string, o *op) bool {
	last, first := s.began, o.began
	for _, p := range s.ops {
		if (p.kind == "note" || p.kind == "forget") && p.note == note {
			if p.ended.IsZero() {
				return false
			}
			last = later(last, p.ended)
			if p.began.Before(first) {
				first = p.began
			}
		}
	}
	if note == "" {
		first = s.began
	}
	if s.visitor.world.set.sticky && !s.oneWriter(first) {
		return false // of changes by two instances at once, the one that is stored later stands
	}
	for _, p := range s.ops {
		if (p.kind == "note" || p.kind == "forget") && !p.ended.IsZero() && p.began.After(last) && p.ended.Before(o.began) && s.visible(p, o) {
			return true
		}
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stale measures how old the session is that an old cookie led to.
func (s *session) stale(o *op) {
	w, unseen := s.visitor.world, -o.saw
	var first time.Time
	for _, p := range s.ops {
		if p.kind == "count" && !p.ended.IsZero() && p.ended.Before(o.began) {
			if unseen++; unseen > 0 && (first.IsZero() || p.ended.After(first)) {
				first = p.ended
			}
		}
	}
	if unseen <= 0 {
		return
	}
	age := o.began.Sub(first)
	w.stalest = max(w.stalest, age)
	w.note("stale by %v: %s sees %d with %s", age, s.name, o.saw, o.cookie)
	if age > soon && !w.disturbedSince(o.began.Add(-soon)) {
		w.wrongf("%s sees %d counts with the old cookie %s at %s, what was there %v before", s.name, o.saw, o.cookie, o.in.name, age)
	}
}

// refuse counts a request that was not served, and complains if it should have been.
func (w *world) refuse(o *op, a answer) {
	if a.status == 0 {
		return // its instance crashed
	}
	w.refused++
	switch {
	case strings.Contains(a.text, msm.ErrGone.Error()):
		w.excuse("the session ended meanwhile") // the caller checks whether it did
	case o.kind == "big" && strings.Contains(a.text, msm.ErrTooLarge.Error()):
		w.excuse("the session would have been too large")
	case w.set.held > 0 && strings.Contains(a.text, msm.ErrFull.Error()):
		w.excuse("memory is full of what is not stored")
	case w.set.patience > 0 && strings.Contains(a.text, msm.ErrLocked.Error()):
		w.excuse("others had the lock for long")
	case w.set.locking && o.in.stoodStill(o) && strings.Contains(a.text, msm.ErrLocked.Error()):
		w.excuse("its instance stood still for longer than it waits for the lock")
	case o.in.stoodStill(o) && strings.Contains(a.text, msm.ErrBusy.Error()): // timers go on there while nothing else does
		w.excuse("its instance stood still while another request of the session wrote")
	case o.in.stoodStill(o) && strings.Contains(a.text, "a write took so long"):
		w.excuse("its instance stood still in the midst of a write for so long that nobody can say whether it was done")
	case w.set.locking && strings.Contains(a.text, "this one was to have for itself") && (w.disturbedSince(o.began) || time.Since(w.unlocked) < 10*time.Second):
		w.excuse("another handler was at work after the lock was lost")
	case w.fault == "away" || w.disturbed == "away" && w.disturbedSince(time.Now().Add(-time.Second)):
		w.excuse("no node was there")
	case w.set.backups == 0 && !slices.Contains(ofInstances, w.disturbed) && w.disturbedSince(time.Now().Add(-time.Second)):
		w.excuse("without backups, the session's only node was away")
	default:
		w.wrongf("%s is refused by %s during %q: %s", o.kind, o.in.name, w.fault, a.text)
	}
}

// excuse counts something bad that was not promised to be otherwise.
func (w *world) excuse(why string) { w.excused[why]++ }

// late checks how long a request took. A node that fails may cost it the time of one operation, until its instance
// knows of the fault.
func (w *world) late(o *op) {
	took := time.Since(o.began) - o.wait
	if w.set.locking {
		return // it waits for others
	}
	if o.in.stoodStill(o) {
		return
	}
	if w.silent(o.in) {
		if !o.in.knows.IsZero() && o.began.After(o.in.knows) && took >= opTimeout {
			w.wrongf("%s at %s took %v, %v after that had found out what failed", o.kind, o.in.name, took, o.began.Sub(o.in.knows))
		}
		if o.in.knows.IsZero() && took >= opTimeout {
			o.in.knows = time.Now().Add(2 * opTimeout) // by then a probe has failed, and everything sent before
		}
	}
	if w.fault == "slow" || w.fault == "slower" || w.fault == "away" || w.disturbedSince(o.began) && w.disturbed != w.fault && w.fault == "" {
		return
	}
	w.slowest = max(w.slowest, took)
	limit := opTimeout + 60*time.Millisecond
	if w.fault == "lossy" || w.fault == "resets" || w.fault == "corrupt" || w.fault == "full" {
		limit += 3 * opTimeout // a node that answers its prober between failures fails for each of those that wait for each other
		if o.crowd > 0 {
			limit += 2 * opTimeout // one of these may be a login, which writes two sessions
		}
	}
	if w.set.backups == 0 {
		limit += opTimeout // with no other node left it waits for one more look
	}
	if o.crowd > 0 {
		limit += opTimeout // its load had one, and then it waited for another request of the session, which was in its own
	}
	if o.wait > opTimeout {
		limit += opTimeout // its load had one, and its commit, long after that and in another fault, one more
	}
	if w.set.lists && (o.kind == "login" || o.kind == "logout" || o.crowd > 0) {
		limit += 500 * time.Millisecond // until all have heard that the copy on a node that is not listed here is dead
	}
	if took > limit {
		w.wrongf("%s at %s took %v during %q", o.kind, o.in.name, took, w.fault)
	}
}

// silent reports whether a node does not answer that instance.
func (w *world) silent(in *instance) bool {
	for _, s := range w.servers {
		if s.stopped || s.cut == in {
			return w.fault != "away"
		}
	}
	return false
}

// forfeit takes back the promises that the crash of an instance may break. One with asynchronous backup may lose its
// last changes. That a session was read is always recorded behind the request's back.
func (w *world) forfeit(in *instance) {
	limit := time.Now().Add(-asyncLoss)
	for _, s := range w.sessions {
		for _, o := range s.ops {
			o.unused = o.unused || o.in == in && o.kind == "read" && o.ended.After(limit)
		}
	}
	if !w.set.sticky || w.set.sync {
		return
	}
	for _, s := range w.sessions {
		if s.at == in && s.began.After(limit) {
			s.fragile = true
		}
		for _, o := range s.ops {
			if o.in == in && o.ended.After(limit) {
				o.ended = time.Time{}
			}
		}
	}
}

// empty is called when a node loses what it had. Without backups the messages about takeovers are lost, too, and with
// them perhaps what an old cookie led to within the quarter of a second before. Guarded by mu.
func (w *world) empty() {
	w.emptied = time.Now()
	for _, s := range w.sessions {
		for _, o := range s.ops {
			if w.set.backups == 0 && !o.fresh && time.Since(o.ended) < soon/2 {
				o.ended = time.Time{}
			}
		}
	}
}
