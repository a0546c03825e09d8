package requests

import "time"

// waits are the times for which slow handlers do something else before they write: some are longer than a message, or a
// request, is remembered.
var waits = []time.Duration{300 * time.Millisecond, 3 * time.Second, 12 * time.Second, 66 * time.Second, 70 * time.Second}

// dawdle sends requests whose handlers take long, until the play is over. Meanwhile others log in and out and change
// the session, and nodes fail and are repaired: nobody waits for a slow handler.
func (t *tab) dawdle() {
	for {
		time.Sleep(time.Duration(t.rng.ExpFloat64() * float64(4*time.Second)))
		t.world.mu.Lock()
		over, paused := t.world.over, t.world.paused
		t.world.mu.Unlock()
		if over {
			return
		}
		if s := t.session(); s != nil && !paused {
			t.send(s, []string{"count", "count", "count", "note", "read", "login", "logout"}[t.rng.IntN(7)])
		}
	}
}

// wait draws how long a handler takes. It is never no time, so that what the load has set off in the background comes
// first. No two are the same, because handlers may begin at the same moment.
func (t *tab) wait() time.Duration {
	wait := 1 + t.rng.IntN(1e5) + t.rng.IntN(3)*t.rng.IntN(2e6)
	if t.world.set.locking && t.rng.IntN(15) == 0 {
		wait += 2500_000_000 + t.rng.IntN(1500_000_000)
	}
	if t.slow {
		wait += int(waits[t.rng.IntN(len(waits))])
	}
	return time.Duration(wait)
}
