package copies

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

var (
	oneSeed = flag.Uint64("seed", 0, "replay this seed only")
	seeds   = flag.Int("seeds", 60, "how many seeds of each setting")
	firstAt = flag.Uint64("first", 1, "the first seed")
)

var all = []string{"kill", "stop", "restart", "cut", "lossy"}

var table = map[string]settings{
	"three nodes, one fault at a time": {nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: all},
	"two nodes, one fault at a time":   {nodes: 2, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: all},
	"many parallel requests, no fault": {nodes: 3, apps: 3, clients: 1, parallel: 8, steps: 400, backups: 1},
	"replies of one node get lost":     {nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: []string{"lossy"}},
	"four nodes and two backups":       {nodes: 4, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 2, faults: all},
	"three nodes that are refilled":    {nodes: 3, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: all, refill: true},
	"two nodes that are refilled":      {nodes: 2, apps: 2, clients: 3, parallel: 4, steps: 800, backups: 1, faults: all, refill: true},
}

func TestSeed(t *testing.T) {
	for name, s := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, count := *firstAt, *seeds
			if *oneSeed != 0 {
				first, count = *oneSeed, 1
			}
			errs := 0
			for seed := first; seed < first+uint64(count); seed++ {
				synctest.Test(t, func(t *testing.T) {
					run := newRun(seed, s)
					if *oneSeed != 0 {
						run.logTo(t)
					}
					if v := run.play(); len(v) > 0 {
						t.Errorf("seed %d: %s (and %d more)", seed, v[0], len(v)-1)
					}
					errs += run.refused
				})
			}
			t.Logf("%d seeds, %d requests refused", count, errs)
		})
	}
}

// run is one seed's course.
type run struct {
	*world
	settings
	visitors   []*visitor
	violations []string
	now, since int
	fault      struct{ node, kind string }
	repair     []*visitor
	refused    int
	torn       int                              // quiet steps since a session lacks a copy
	note       func(format string, args ...any) // of a replayed seed
}

func newRun(seed uint64, s settings) *run {
	return &run{world: newWorld(seed, s), settings: s, note: func(string, ...any) {}}
}

// logTo prints every operation and what it left, and every request's end.
func (r *run) logTo(t *testing.T) {
	r.trace = func(c *call, err error) {
		p, op := r.active[c.process], "read"
		if c.write {
			op = "WRITE"
		}
		if p == nil || p.visitor == nil {
			t.Logf("%d: #%d probe by %s of %s, %s: %v", r.now, c.process, c.instance.name, c.server, op, err)
			return
		}
		token := p.visitor.token
		t.Logf("%d: #%d %s %s by %s (cookie %s) %s %s: %v | %s", r.now, c.process, p.kind, token, c.instance.name, p.cookie, op, c.server, err,
			r.describe(c.server, map[string]string{token: sid.Key("msm:", sid.Record, token)}))
	}
	r.note = func(format string, args ...any) { t.Logf("%d: "+format, append([]any{r.now}, args...)...) }
}

func (r *run) violate(p *process, format string, args ...any) {
	r.violations = append(r.violations, fmt.Sprintf("%s at %d by %s of %s (promised %d): ", p.kind, r.now, p.instance.name, p.visitor.token, p.promised)+fmt.Sprintf(format, args...))
}

func (r *run) play() []string {
	r.begin()
	for r.now = 1; r.now < r.steps || len(r.active) > 0; r.now++ {
		if r.now > r.steps*20 {
			return append(r.violations, "hangs")
		}
		r.disturb()
		r.watch()
		r.arrive()
		r.step()
		r.collect()
	}
	r.end()
	return r.violations
}

func (r *run) begin() {
	r.probeAll()
	for i := range r.clients {
		v := &visitor{token: fmt.Sprintf("token%d", i)}
		r.visitors = append(r.visitors, v)
		r.create(r.instances[0], v)
		r.finish()
	}
}

// finish lets everything that runs come to its end.
func (r *run) finish() {
	for len(r.active) > 0 {
		r.step()
		r.collect()
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
	r.run(&process{kind: "probe", instance: in}, func(ctx context.Context) { _ = in.nodes[name].Probe(ctx) })
}

// disturb begins and ends faults, one node at a time. After each the sessions are visited, or refilled, once before the
// next one: two faults without a repair in between are not survived, and not promised to be.
func (r *run) disturb() {
	if len(r.faults) == 0 {
		return
	}
	r.since++
	switch {
	case r.now >= r.steps:
		r.recover()
	case r.fault.kind == "" && r.since > 60 && len(r.repair) == 0 && !r.repairing() && r.calm() && r.whole() && r.rng.Float64() < 0.08:
		r.strike(r.names[r.rng.IntN(len(r.names))], r.faults[r.rng.IntN(len(r.faults))])
	case r.fault.kind != "" && r.since > 30 && r.rng.Float64() < 0.1:
		r.recover()
		r.repair = append(r.repair, r.visitors...)
	}
}

func (r *run) strike(name, kind string) {
	r.note("%s %s", kind, name)
	r.fault.node, r.fault.kind, r.since = name, kind, 0
	s := r.servers[name]
	switch kind {
	case "kill":
		s.kill()
	case "restart":
		s.kill()
		s.start()
	case "stop":
		s.stop()
	case "lossy":
		s.lossy = true
	case "cut":
		r.instances[r.rng.IntN(len(r.instances))].cut[name] = true
	}
}

func (r *run) recover() {
	if r.fault.kind == "" {
		return
	}
	r.note("end of %s %s", r.fault.kind, r.fault.node)
	s := r.servers[r.fault.node]
	switch r.fault.kind {
	case "kill":
		s.start()
	case "stop":
		s.goOn(r.rng)
	}
	s.lossy = false
	for _, in := range r.instances {
		delete(in.cut, r.fault.node)
	}
	r.fault.kind, r.since = "", 0
}

func (r *run) repairing() bool {
	if len(r.heals) > 0 {
		return true
	}
	for _, p := range r.active {
		if p.kind == "repair" || p.kind == "heal" {
			return true
		}
	}
	return false
}

// arrive lets requests, repairs and probes begin.
func (r *run) arrive() {
	in := r.instances[r.rng.IntN(len(r.instances))]
	v := r.visitors[r.rng.IntN(len(r.visitors))]
	if r.now < r.steps && len(r.active) < r.parallel && !r.idle() && r.rng.Float64() < 0.5 && (!v.out || r.rng.Float64() < 0.5) {
		r.request(in, v, r.kind(), r.now)
	}
	if len(r.repair) > 0 && r.since > 30 && r.calm() {
		v := r.repair[0]
		r.repair = r.repair[1:]
		if r.refill {
			r.healKey(in, v)
		} else {
			r.request(in, v, "repair", r.now)
		}
	}
	if r.refill && r.fault.kind != "" && r.rng.Float64() < 0.02 { // that of another node
		r.healKey(in, v)
	}
	if r.rng.Float64() < 0.25 {
		r.probe(in, r.names[r.rng.IntN(len(r.names))])
	}
	for _, h := range r.heals {
		access := h.instance.store.Open(h.visitor.token, h.cookie)
		r.run(h, func(ctx context.Context) { _ = access.Heal(ctx) })
	}
	r.heals = nil
}

// idle: to see that a refill is enough, no visitor comes after a fault until every session has its copies.
func (r *run) idle() bool { return r.refill && r.fault.kind == "" && r.lacking() }

// healKey is a refill's work on one session.
func (r *run) healKey(in *instance, v *visitor) {
	seen := r.names[r.rng.IntN(len(r.names))]
	r.run(&process{kind: "heal", visitor: v, instance: in, cookie: seen}, func(ctx context.Context) {
		_, _ = in.store.HealKey(ctx, sid.Key("msm:", sid.Record, v.token), seen)
	})
}

func (r *run) kind() string {
	switch n := r.rng.Float64() * 9.1; {
	case n < 5:
		return "increment"
	case n < 9:
		return "read"
	}
	return "logout"
}

// whole: every session has all its copies. One acknowledged on a single copy, because no other node was left, waits for
// its next visit; another fault before that is a second one.
func (r *run) whole() bool {
	for _, v := range r.visitors {
		newest, copies := record.Rank{}, 0
		for _, name := range r.names {
			item, err := r.servers[name].memory.Get(context.Background(), sid.Key("msm:", sid.Record, v.token))
			if err != nil {
				continue
			}
			rank, err := record.Peek(item.Value)
			switch {
			case err != nil || rank.Term < newest.Term || rank.Term == newest.Term && rank.Version < newest.Version:
			case rank == newest:
				copies++
			default:
				newest, copies = rank, 1
			}
		}
		if copies <= r.backups {
			return false
		}
	}
	return true
}

// watch counts how long nothing has been wrong. What a cookie that is not the newest leads to may be stale until every
// instance has looked at the nodes after a fault (design.md, section 8: epochs).
func (r *run) watch() {
	if r.fault.kind != "" || !r.calm() {
		r.quiet, r.torn = 0, 0
		return
	}
	r.quiet++
	if r.torn++; !r.lacking() {
		r.torn = 0
	}
	if r.torn == mended {
		r.violations = append(r.violations, fmt.Sprintf("at %d: a session still lacks a copy, %d quiet steps and many visits after a fault", r.now, mended))
	}
}

// lacking: what the newest record of a session says about its copies needs mending.
func (r *run) lacking() bool {
	for _, v := range r.visitors {
		newest := &record.Record{}
		for _, name := range r.names {
			item, err := r.servers[name].memory.Get(context.Background(), sid.Key("msm:", sid.Record, v.token))
			if err != nil {
				continue
			}
			if rec, err := record.Decode(item.Value); err == nil && (rec.Term > newest.Term || rec.Term == newest.Term && rec.Version > newest.Version) {
				newest = rec
			}
		}
		if newest.Unsettled || len(newest.Copies) <= r.backups {
			return true
		}
		for _, c := range newest.Copies {
			if c.Epoch != r.instances[0].nodes[c.Node].Epoch() {
				return true
			}
		}
	}
	return false
}

// mended is far more steps than the next visit of a session takes, and the mending after it.
const mended = 250

// settle is long enough for requests that began before to end.
const settle = 30

// calm: every instance uses every node and knows its epoch.
func (r *run) calm() bool {
	for _, in := range r.instances {
		for _, name := range r.names {
			item, err := r.servers[name].memory.Get(context.Background(), "epoch")
			if err != nil || !in.nodes[name].Available() || fmt.Sprintf("%08x", in.nodes[name].Epoch()) != string(item.Value) {
				return false
			}
		}
	}
	return true
}

// collect checks what ended.
func (r *run) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := 1; id <= r.procs; id++ {
		if p := r.active[id]; p != nil && p.done {
			delete(r.active, id)
			if p.visitor != nil && p.kind != "heal" {
				r.check(p)
			}
		}
	}
}

func (r *run) check(p *process) {
	v := p.visitor
	v.active--
	r.note("#%d %s %s ends: ok %v gone %v value %d, home %s, moved %v", p.id, p.kind, v.token, p.ok, p.gone, p.value, p.node, p.moved)
	if v.out && p.started > v.outAt && p.ok && p.fresh {
		r.violate(p, "resurrected: logged out at %d, request began at %d", v.outAt, p.started)
	}
	switch {
	case p.kind == "increment" && p.ok:
		v.acked++
	case p.kind == "increment":
		v.unknown++
	}
	if p.ok && p.kind != "logout" {
		if p.value < p.promised && p.fresh {
			r.violate(p, "stale: sees %d", p.value)
		}
		if p.value > v.acked+v.unknown+v.active+1 {
			r.violate(p, "doubled: sees %d of %d acknowledged, %d unknown, %d running", p.value, v.acked, v.unknown, v.active)
		}
	}
	if p.kind == "logout" && (p.ok || p.gone) && !v.out {
		v.out, v.outAt = true, r.now
	}
	if p.gone && !v.tried {
		r.violate(p, "lost: %d acknowledged", v.acked)
	}
	if !p.ok && !p.gone {
		r.refused++
	}
	if p.ok && (p.node != p.cookie || p.moved) {
		v.cookies = append(v.cookies, p.node)
		if p.term >= v.term || p.kind == "logout" { // of two answers that cross on their way, the older one's cookie is an old one
			v.node, v.term = p.node, p.term
		}
	}
}

// end looks at every session through every instance after all faults are over.
func (r *run) end() {
	r.recover()
	r.probeAll()
	for _, v := range r.visitors {
		for _, in := range r.instances {
			p := r.request(in, v, "read", r.now)
			for len(r.active) > 0 {
				r.step()
				r.collect()
			}
			switch {
			case v.out && p.ok:
				r.violate(p, "resurrected at the end")
			case p.ok && (p.value < v.acked || p.value > v.acked+v.unknown):
				r.violate(p, "at the end sees %d of %d acknowledged, %d unknown", p.value, v.acked, v.unknown)
			case !p.ok && !v.tried:
				r.violate(p, "gone at the end")
			}
		}
	}
}
