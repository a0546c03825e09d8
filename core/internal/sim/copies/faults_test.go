package copies

import (
	"cmp"
	"slices"

	"github.com/gomsm/msm/core/internal/sid"
)

// fault is what is wrong at the moment.
type fault struct {
	kind, node string
	instance   *instance
}

// disturb begins and ends faults, one at a time unless the settings say otherwise. After each fault the sessions are
// visited or refilled once before the next one, because two faults without a repair in between are not survived, and
// not promised to be.
func (r *run) disturb() {
	r.since++
	switch {
	case len(r.settings.faults) == 0:
	case r.now >= r.steps:
		r.recover()
	case r.many:
		if r.rng.Float64() < 0.02 {
			r.strike()
		} else if r.rng.Float64() < 0.01 {
			r.recover()
		}
	case r.follows && !r.usesAll():
		r.since = 0
	case r.follows && r.whole():
		r.follow()
	case len(r.faults) == 0 && r.since > 60 && len(r.repair) == 0 && !r.repairing() && !r.lingering() && r.calm() && r.whole() && r.rng.Float64() < 0.08:
		r.strike()
	case len(r.faults) > 0 && r.since > cmp.Or(r.lasts, 30) && r.rng.Float64() < 0.1:
		r.follows = r.then != "" && r.faults[0].kind != r.then && r.rng.IntN(2) == 0
		r.recover()
		r.repair = r.sessions()
	case len(r.faults) == 0 && r.since > 60 && len(r.repair) == 0 && r.calm() && r.lacking() && r.rng.Float64() < 0.05:
		r.repair = r.sessions() // an epoch was replaced since: another refill or visit
	}
}

// follow begins a fault although nothing is repaired yet. Requests that began before all nodes were used again meet two
// faults.
func (r *run) follow() {
	r.follows = false
	for _, p := range r.active {
		p.twice = p.call != nil && p.began <= r.now-r.since
	}
	r.strikeOne(r.then)
}

// lingering reports whether a request, not one with a slow handler, began before the last fault ended. Requests take a
// moment and faults take seconds, so no request lives through two.
func (r *run) lingering() bool {
	for _, p := range r.active {
		if p.began < r.now-r.since && p.call != nil && p.pause == nil {
			return true
		}
	}
	return false
}

// strike begins one fault, or as many as the settings say.
func (r *run) strike() {
	for range max(r.atOnce, 1) {
		r.strikeOne(r.settings.faults[r.rng.IntN(len(r.settings.faults))])
	}
}

// strikeOne begins a fault of a random node or instance.
func (r *run) strikeOne(kind string) {
	at := r.rng.IntN(len(r.instances))
	f := fault{kind, r.names[r.rng.IntN(len(r.names))], r.instances[at]}
	s := r.servers[f.node]
	if s.state != "up" {
		return
	}
	r.note("%s %s, %s", f.kind, f.node, f.instance.name)
	r.tally.Faults++
	r.faults, r.since = append(r.faults, f), 0
	if slices.Contains(wipes, f.kind) {
		r.wiped = r.now
	}
	switch f.kind {
	case "kill":
		s.kill()
	case "restart":
		s.kill()
		s.state = "up"
	case "restart warm": // memcached -e: when the fault ends, what it had is there again
		s.state = "dead"
	case "stop":
		s.stop()
	case "lossy":
		s.lost = 0.1
	case "slow":
		s.lost = 1
	case "corrupt":
		s.damaged = 0.5
	case "full":
		s.full = true
	case "cut":
		r.instances[at].cut[f.node] = true
	case "isolate":
		for _, name := range r.names {
			r.instances[at].cut[name] = true
		}
	case "evict":
		s.Evict(sid.Key("msm:", sid.Record, r.anyone().token()))
	case "evict epoch":
		s.Evict("epoch")
	case "crash":
		r.crash(at)
	case "halt":
		r.halt(r.instances[at])
	}
}

// recover ends all faults.
func (r *run) recover() {
	for _, f := range r.faults {
		r.note("end of %s %s", f.kind, f.node)
		s := r.servers[f.node]
		switch s.state {
		case "dead":
			s.state = "up"
		case "stopped":
			s.goOn(r.rng)
		}
		s.lost, s.damaged, s.full = 0, 0, false
		if f.kind == "halt" {
			r.goOn(f.instance)
		}
	}
	for _, in := range r.instances {
		clear(in.cut)
	}
	r.faults, r.since = nil, 0
}

// anyone returns a random session.
func (r *run) anyone() session {
	list := r.sessions()
	return list[r.rng.IntN(len(list))]
}
