package copies

import (
	"cmp"
	"context"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/core/internal/sim/history"
)

// run is the course of one seed.
type run struct {
	*world
	settings
	visitors   []*visitor // those whose sessions go on, as far as they know
	former     []*visitor // those that have logged out, or were told that their session is gone
	came       int        // visitors so far
	missing    int        // former visitors that have not logged in again yet
	violations []string
	since      int // steps since a fault began or ended
	faults     []fault
	follows    bool       // another fault comes as soon as all nodes are used, whatever needs repair
	repair     []session  // sessions that are to be visited or refilled
	late       []*process // with old cookies, or without an answer that says what they did; until all is calm
	tally      tally
	torn       int                              // quiet steps since a session lacks a copy
	tornAt     int                              // requests until then
	wiped      int                              // the last step in which a node lost a value
	blind      int                              // the last step in which requests may be refused
	leapt      int                              // leaps in time so far
	leaping    int                              // the step since which a leap waits until nothing is under way; 0: none does
	note       func(format string, args ...any) // logs, if the seed is replayed
}

func newRun(seed uint64, s settings) *run {
	return &run{world: newWorld(seed, s), settings: s, blind: -settle, note: func(string, ...any) {}}
}

// play plays the seed, and returns what guarantees were broken.
func (r *run) play() []string {
	r.begin()
	for r.now = 1; r.now < r.steps || len(r.active) > 0 || !r.listed(); r.now++ {
		if r.now > r.steps*20 {
			return append(r.violations, "hangs")
		}
		r.disturb()
		r.watch()
		r.relist()
		r.leap()
		r.arrive()
		r.step()
		r.collect()
	}
	r.end()
	for r.step() { // some things go on although their request is over
	}
	return r.violations
}

func (r *run) begin() {
	r.probeAll()
	for range r.clients {
		r.login(r.instances[0])
		r.finish()
	}
}

// finish lets everything that runs come to its end.
func (r *run) finish() {
	for r.runErrands(); len(r.active) > 0; r.runErrands() {
		r.step()
		r.collect()
	}
}

// runErrands begins what instances have to do after a look at a node.
func (r *run) runErrands() { r.startAll(&r.errands) }

// startAll begins all processes of a queue.
func (r *run) startAll(queue *[]*process) {
	r.mu.Lock()
	list := *queue
	*queue = nil
	r.mu.Unlock()
	for _, p := range list {
		r.start(p, p.task)
	}
}

func (r *run) probeAll() {
	for range 3 {
		for _, in := range r.instances {
			for _, n := range r.names {
				r.probe(in, n)
				r.finish()
			}
		}
	}
}

func (r *run) probe(in *instance, name string) {
	began := r.now
	if in.nodes[name] == nil {
		return
	}
	r.start(&process{kind: probe, instance: in}, func(ctx context.Context) { r.look(ctx, in, name, in.nodes[name], began) })
}

func (r *run) look(ctx context.Context, in *instance, name string, n *node.Node, began int) {
	if n.Probe(ctx) == nil {
		in.probed[name] = began
	}
}

// arrive lets requests, repairs and probes begin.
func (r *run) arrive() {
	in, v := r.awake(), r.someone()
	switch {
	case in == nil:
		return
	case r.leaping > 0:
		if r.now < r.steps && r.rng.Float64() < 0.1 {
			r.probe(in, r.names[r.rng.IntN(len(r.names))])
		}
		r.byThemselves()
		return
	}
	if v != nil && r.now < r.steps && len(r.active) < r.parallel && !r.idle() && r.rng.Float64() < 0.5 {
		r.request(in, v, r.kind(in), r.rng.Float64() < cmp.Or(r.old, 1.0/6))
	}
	if r.missing > 0 && r.now < r.steps && len(r.active) < r.parallel && !r.idle() && in.backups >= r.backups && r.rng.Float64() < 0.2 {
		r.missing--
		r.login(in)
	}
	if len(r.repair) > 0 && r.since > 30 && r.calm() && len(r.active) < r.parallel {
		s := r.repair[0]
		r.repair = r.repair[1:]
		if r.refill {
			r.healKey(in, s)
		} else {
			r.send(in, s.visitor, history.Read, s.visitor.newest(s.id))
		}
	}
	if v != nil && r.refill && len(r.faults) > 0 && r.rng.Float64() < 0.02 { // a refill of another node
		r.healKey(in, session{v, r.rng.IntN(len(v.tokens))})
	}
	if r.now < r.steps && r.rng.Float64() < 0.25 {
		r.probe(in, r.names[r.rng.IntN(len(r.names))])
	}
	r.byThemselves()
}

// byThemselves has the instances do what no request waits for.
func (r *run) byThemselves() {
	r.runErrands()
	r.startAll(&r.heals)
}

// awake returns an instance that takes requests; nil: there is none.
func (r *run) awake() *instance {
	var list []*instance
	for _, in := range r.instances {
		if !in.halted && in.boots == 0 {
			list = append(list, in)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return list[r.rng.IntN(len(list))]
}

// idle reports whether no visitor comes. To see that a refill is enough, none comes after a fault until every session
// has its copies.
func (r *run) idle() bool { return r.refill && len(r.faults) == 0 && r.lacking() }

// healKey does the work of a refill on one session.
func (r *run) healKey(in *instance, s session) {
	seen, token := r.names[r.rng.IntN(len(r.names))], s.token()
	r.start(&process{kind: heal, visitor: s.visitor, instance: in, cookie: cookie{s.id, seen}}, func(ctx context.Context) {
		_, _ = in.store.HealKey(ctx, sid.Key("msm:", sid.Record, token), seen)
	})
}

// kind draws what a request does. An instance that makes fewer copies than run.backups promises less, so its requests
// end no session.
func (r *run) kind(in *instance) history.Kind {
	n := r.rng.Float64() * 100
	if r.lasting || in.backups < r.backups {
		n *= 0.94
	}
	switch {
	case n < 8 && r.idles:
		return idle
	case n < 40:
		return history.Read
	case n < 75:
		return history.Add
	case n < 83:
		return history.Set
	case n < 87:
		return history.Delete
	case n < 94:
		return history.Pop
	case n < 98.5:
		return history.Renew
	}
	return history.Destroy
}
