package copies

import (
	"time"

	"github.com/gomsm/msm/core/internal/sim/history"
)

// usual is the idle timeout of a session, unless a request gives it another one.
const usual = time.Hour

const (
	maxLeaps = 6           // in a run; the short ones together are less than any idle timeout
	unsure   = time.Minute // how much earlier or later than its idle timeout a session may end, because clocks differ
)

// life is what can be known about when a session ends by itself.
type life struct {
	began             time.Time
	shortest, longest time.Duration // the bounds of the idle timeouts that it may have
}

func newLife() life { return life{time.Now(), usual, usual} }

// anyIdle draws another idle timeout for a session, which it may have from then on.
func (r *run) anyIdle(v *visitor) time.Duration {
	d := []time.Duration{10 * time.Minute, usual, 3 * time.Hour}[r.rng.IntN(3)]
	v.life.shortest, v.life.longest = min(v.life.shortest, d), max(v.life.longest, d)
	return d
}

// leap lets time go by. It waits until nothing is under way but slow handlers and what a halted instance waits for, and
// until every instance has looked at the nodes, as it does all the time, and done what came of that.
func (r *run) leap() {
	if len(r.leaps) == 0 || r.now >= r.steps || r.leapt == maxLeaps {
		return
	}
	if r.leaping == 0 && r.rng.Float64() < 0.01 {
		r.leaping = r.now
	}
	if r.leaping == 0 || r.underWay() || r.owes() || !r.lookedSince(r.leaping) {
		return
	}
	d := r.leaps[r.rng.IntN(len(r.leaps))]
	r.note("%v go by", d)
	r.leaping = 0
	r.leapt++
	var ends []func()
	for _, v := range r.everyone() {
		ends = append(ends, r.expire(v, d)...)
	}
	time.Sleep(d)
	for _, end := range ends {
		end()
	}
}

// underWay reports whether an operation is under way.
func (r *run) underWay() bool {
	for _, c := range r.pending {
		if !c.held && c.rest == 0 {
			return true
		}
	}
	return false
}

// expire is for a session that ends, or may end, while the time goes by. In the history that is a logout. The returned
// functions are to be called afterwards.
func (r *run) expire(v *visitor, d time.Duration) (ends []func()) {
	if time.Since(v.life.began)+d < v.life.shortest {
		return nil
	}
	sure := d > v.life.longest+v.life.longest/20+2*r.skew+unsure
	for _, id := range []int{v.cookie.id, v.cookie.id + 1} { // the next id exists if a login was not answered
		call := v.log.Begin(0, history.Input{Kind: history.Destroy, ID: id})
		ends = append(ends, func() {
			call.End(history.Output{Maybe: !sure || id > v.cookie.id})
			if _, known := v.ended[id]; sure && !known && id == v.cookie.id {
				v.ended[id] = r.now
			}
		})
	}
	return ends
}
