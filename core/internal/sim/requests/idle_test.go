package requests

import "time"

// usualIdle is the idle timeout that the instances are configured with, where it matters. idles are those that requests
// give to sessions.
const usualIdle = 6 * time.Second

var idles = []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second}

// life is what can be known about when a session ends by itself: the bounds of its idle timeout. Guarded by world.mu.
type life struct{ shortest, longest time.Duration }

// setIdle is called when a request is about to give the session another idle timeout. Until the answer it may have
// either.
func (s *session) setIdle(d time.Duration) {
	s.life = life{min(s.life.shortest, d), max(s.life.longest, d)}
}

// hasIdle is called when the session has got the idle timeout. Another instance may not know that yet if the change is
// stored later.
func (s *session) hasIdle(d time.Duration) {
	if w := s.visitor.world; !w.set.sticky || w.set.sync {
		s.life = life{d, d}
	}
}

// mayBeOver reports whether nobody is known to have used the session for longer than its shortest idle timeout.
func (s *session) mayBeOver() bool {
	if !s.visitor.world.set.idles {
		return false
	}
	used := s.began
	for _, o := range s.ops {
		if !o.ended.IsZero() && !o.unused {
			used = later(used, o.began)
		}
	}
	return time.Since(used) > s.life.shortest
}

// outlived reports whether the session should be over, because nobody can have used it. What is recorded about uses is
// late by a twentieth at most.
func (s *session) outlived(o *op) bool {
	if !s.visitor.world.set.idles {
		return false
	}
	used := s.began
	for _, p := range s.ops {
		switch {
		case p == o:
		case p.busy:
			return false
		default:
			used = later(used, p.over)
		}
	}
	return o.began.Sub(used) > s.life.longest+s.life.longest/20+100*time.Millisecond
}

// rest has visitors only read, after most of the idle timeout, for about that long.
func (w *world) rest(d time.Duration) {
	if !w.set.idles {
		return
	}
	w.mu.Lock()
	w.resting = true
	w.mu.Unlock()
	time.Sleep(w.pause(100, int(d.Milliseconds())))
}

// wake ends a rest.
func (w *world) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resting = false
}

// rests returns how long a visitor does nothing: so long that the session is still there or, now and then, that it is
// over.
func (t *tab) rests() time.Duration {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	life := life{usualIdle, usualIdle}
	if t.jar != nil {
		life = t.jar.life
	}
	if t.rng.IntN(10) == 0 {
		return life.longest + life.longest/10
	}
	return time.Duration((0.3 + 0.68*t.rng.Float64()) * float64(life.shortest))
}
