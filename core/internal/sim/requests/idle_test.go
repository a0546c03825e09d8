package requests

import "time"

// usualIdle is the idle timeout that the instances are configured with, where it matters, and idles are those that requests
// give to sessions.
const usualIdle = 6 * time.Second

var idles = []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second}

// life is what may be known about when a session ends by itself. Guarded by world.mu.
type life struct{ shortest, longest time.Duration }

// setIdle: a request is to give the session another idle timeout. Until its answer it has the one or the other.
func (s *session) setIdle(d time.Duration) {
	s.life = life{min(s.life.shortest, d), max(s.life.longest, d)}
}

// hasIdle: it has got it. Another instance may not know that yet, if the change is stored later.
func (s *session) hasIdle(d time.Duration) {
	if w := s.visitor.world; !w.set.sticky || w.set.sync {
		s.life = life{d, d}
	}
}

// mayBeOver: nobody is known to have used the session for so long.
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

// outlived: the session should be over, for nobody can have used it. What is recorded is late by a twentieth at most.
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

// rest has visitors only read, after most of the idle timeout, for about so long.
func (w *world) rest(d time.Duration) {
	if !w.set.idles {
		return
	}
	w.mu.Lock()
	w.resting = true
	w.mu.Unlock()
	time.Sleep(w.pause(100, int(d.Milliseconds())))
}

// wake ends that.
func (w *world) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.resting = false
}

// rests is how long a visitor does nothing, who is only to see that the session is still there, or, now and then, that it is
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
