package requests

import (
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

var nodeFaults = []string{"crash", "crash warm", "restart", "reset", "stop", "cut", "slow", "slower", "lossy", "resets", "full", "evict"}

// ofInstances are faults that leave the nodes alone.
var ofInstances = []string{"kill", "close", "halt"}

// strike begins a fault of one node or one instance, or makes all nodes unreachable (away), and ends it.
func (w *world) strike() {
	kind := "away"
	switch n := w.rng.IntN(20); {
	case n < 3:
		kind = "kill"
	case n < 5:
		kind = "close"
	case n < 11 && w.set.halts:
		kind = "halt"
	case n < 15 && w.set.lists:
		kind = "lists"
	case n < 17 && w.set.damages:
		kind = "corrupt"
	case n < 19:
		kind = nodeFaults[w.rng.IntN(len(nodeFaults))]
	}
	if kind == "evict" && w.set.backups == 0 {
		kind = "restart"
	}
	if w.set.locking && w.rng.IntN(3) == 0 {
		w.unlock()
		return
	}
	s, in := w.servers[w.rng.IntN(len(w.servers))], w.instances[w.rng.IntN(len(w.instances))]
	w.mu.Lock()
	w.fault, w.disturbed, w.struck = kind, kind, time.Now()
	for _, in := range w.instances {
		in.knows = time.Time{}
	}
	w.note("FAULT %s of %s or %s", kind, s.name, in.name)
	w.mu.Unlock()
	switch kind {
	case "kill", "close":
		w.replace(in, kind)
	case "away":
		w.away()
	case "halt":
		w.halt(in)
	case "lists":
		w.relist(s)
	default:
		w.mu.Lock()
		s.begin(kind, in)
		w.mu.Unlock()
		time.Sleep(w.pause(20, map[bool]int{false: 2000, true: 6000}[kind == "cut"]))
		w.mu.Lock()
		s.mend(kind)
		w.note("end of %s of %s", kind, s.name)
		w.mu.Unlock()
	}
}

// begin begins a fault. Guarded by world.mu.
func (s *server) begin(kind string, in *instance) {
	switch kind {
	case "crash":
		s.crash(false)
	case "crash warm":
		s.crash(true)
	case "restart":
		s.crash(false)
		s.up = true
	case "reset":
		s.crash(true)
		s.up = true
	case "stop":
		s.stopped = true
	case "cut":
		s.cut = in
	case "slow":
		s.slow = [2]time.Duration{opTimeout / 20, opTimeout * 6 / 10}
	case "slower":
		s.slow = [2]time.Duration{opTimeout / 2, opTimeout * 3}
	case "lossy":
		s.lossy = true
	case "resets":
		s.resets = true
	case "corrupt":
		s.damages = true
	case "full":
		s.full = true
	case "evict":
		v := s.world.visitors[s.world.rng.IntN(len(s.world.visitors))]
		if v.jar != nil {
			s.Evict(sid.Key("msm:", sid.Record, tokenOf(v.jar.cookie())))
		}
	}
}

// mend ends a fault. Guarded by world.mu.
func (s *server) mend(kind string) {
	s.up, s.lossy, s.resets, s.damages, s.full, s.slow = true, false, false, false, false, [2]time.Duration{}
	if kind == "stop" || kind == "cut" {
		s.goOn()
	}
}

// away makes all nodes unreachable for a while. None of them loses anything.
func (w *world) away() {
	hang := w.rng.IntN(2) == 0
	w.mu.Lock()
	w.wasAway = true
	for _, s := range w.servers {
		if s.stopped = hang; !hang {
			s.crash(true)
		}
	}
	w.mu.Unlock()
	time.Sleep(w.pause(100, 3000))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.servers {
		s.up = true
		s.goOn()
	}
	w.note("the nodes are back")
}

// halt has an instance stand still for a while.
func (w *world) halt(in *instance) {
	d := halts[w.rng.IntN(len(halts))]
	w.mu.Lock()
	in.halt()
	w.mu.Unlock()
	time.Sleep(d + w.pause(0, 500))
	w.mu.Lock()
	in.goOn()
	w.mu.Unlock()
}

// replace ends an instance, and begins another one in its place after a while, under its route or under a new one.
func (w *world) replace(in *instance, kind string) {
	if kind == "kill" {
		w.mu.Lock()
		w.forfeit(in)
		w.mu.Unlock()
		in.crash()
	} else {
		in.end()
	}
	time.Sleep(w.pause(10, 1000))
	route := in.route
	if w.rng.IntN(2) == 0 {
		w.routes++
		route = fmt.Sprintf("s%d", w.routes)
	}
	w.launch(in.place, route)
}
