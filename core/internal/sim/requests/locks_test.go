package requests

import (
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// run is a handler that is at work in a session. Guarded by world.mu.
type run struct {
	in    *instance
	token string
	began time.Time
}

// enter records a handler that begins. With locks no other one may be at work in its session.
func (in *instance) enter(token string) *run {
	w := in.world
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &run{in: in, token: token, began: time.Now()}
	for _, other := range w.runs {
		if w.set.locking && other.token == token && !other.in.dead && !in.dead {
			w.overlap(other, r)
		}
	}
	w.runs = append(w.runs, r)
	return r
}

// leave records that the handler has ended.
func (r *run) leave() {
	w := r.in.world
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs = slices.DeleteFunc(w.runs, func(other *run) bool { return other == r })
}

// overlap handles two handlers that are at work at the same time. That is excused if the lock of the first one is lost,
// or the instances do not agree on the node that has it.
func (w *world) overlap(first, second *run) {
	if w.disturbedSince(first.began) || w.unlocked.Add(lockNews).After(first.began) {
		w.excuse("two handlers at a time after a lock was lost")
		return
	}
	w.wrongf("handlers at %s and %s are at work in %s at the same time", first.in.name, second.in.name, first.token)
}

// lockNews is when an instance knows at the latest that its lock is lost. It passes the lock on only before that.
const lockNews = lockExpiry/5 + opTimeout

// unlock takes the locks of all sessions away, three times.
func (w *world) unlock() {
	for range 3 {
		w.mu.Lock()
		for _, v := range w.visitors {
			if v.jar != nil {
				v.jar.unlock()
			}
		}
		w.unlocked = time.Now()
		w.note("all locks are lost")
		w.mu.Unlock()
		time.Sleep(w.pause(1000, 6000))
	}
}

func (s *session) unlock() {
	for _, server := range s.visitor.world.servers {
		server.Evict(sid.Key("msm:", sid.Lock, tokenOf(s.cookie())))
	}
}
