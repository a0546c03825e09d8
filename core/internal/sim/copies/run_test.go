package copies

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/core/internal/sim/history"
)

// run is one seed's course.
type run struct {
	*world
	settings
	visitors   []*visitor
	violations []string
	since      int // steps since a fault began or ended
	faults     []fault
	repair     []session
	late       []*process // with old cookies, or without an answer that says what they did, until all is calm
	tally      tally
	torn       int                              // quiet steps since a session lacks a copy
	wiped      int                              // the last step in which a node lost a value
	note       func(format string, args ...any) // of a replayed seed
}

func newRun(seed uint64, s settings) *run {
	return &run{world: newWorld(seed, s), settings: s, note: func(string, ...any) {}}
}

func (r *run) violate(format string, args ...any) {
	r.violations = append(r.violations, fmt.Sprintf("step %d: ", r.now)+fmt.Sprintf(format, args...))
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
	for r.step() { // what goes on although its request is over
	}
	return r.violations
}

func (r *run) begin() {
	r.probeAll()
	for i := range r.clients {
		name := fmt.Sprintf("visitor%d", i)
		v := &visitor{name: name, tokens: []string{name}, log: history.New(history.Output{}), ended: map[int]int{}, dropped: map[int]bool{}, acked: map[int]int{}, floors: map[floor]int{}}
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
	began := r.now
	r.start(&process{kind: probe, instance: in}, func(ctx context.Context) {
		switch err := in.nodes[name].Probe(ctx); {
		case err == nil:
			in.probed[name] = began
		case errors.Is(err, nodetest.ErrLost), errors.Is(err, nodetest.ErrOff):
			r.fell(in, name)
		}
	})
}

// fell: the instance knows that others may have had to work around the node. From now on it believes nothing there that is
// older than what was acknowledged by now.
func (r *run) fell(in *instance, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.visitors {
		for id, n := range v.acked {
			f := floor{in, cookie{id, name}}
			v.floors[f] = max(v.floors[f], n)
		}
	}
}

// arrive lets requests, repairs and probes begin.
func (r *run) arrive() {
	in := r.instances[r.rng.IntN(len(r.instances))]
	v := r.visitors[r.rng.IntN(len(r.visitors))]
	if r.now < r.steps && len(r.active) < r.parallel && !r.idle() && r.rng.Float64() < 0.5 {
		r.request(in, v, r.kind(), r.rng.Float64() < cmp.Or(r.old, 1.0/6))
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
	if r.refill && len(r.faults) > 0 && r.rng.Float64() < 0.02 { // that of another node
		r.healKey(in, session{v, r.rng.IntN(len(v.tokens))})
	}
	if r.now < r.steps && r.rng.Float64() < 0.25 {
		r.probe(in, r.names[r.rng.IntN(len(r.names))])
	}
	r.mu.Lock()
	heals, burials := r.heals, r.burials
	r.heals, r.burials = nil, nil
	r.mu.Unlock()
	for _, b := range burials {
		r.start(&process{kind: bury, instance: b.instance}, func(ctx context.Context) { _ = b.instance.store.Bury(ctx, b.session, b.at) })
	}
	for _, h := range heals {
		access := h.instance.store.Open(h.visitor.tokens[h.cookie.id], h.cookie.node)
		r.start(h, func(ctx context.Context) { _ = access.Heal(ctx) })
	}
}

// idle: to see that a refill is enough, no visitor comes after a fault until every session has its copies.
func (r *run) idle() bool { return r.refill && len(r.faults) == 0 && r.lacking() }

// healKey is a refill's work on one session.
func (r *run) healKey(in *instance, s session) {
	seen, token := r.names[r.rng.IntN(len(r.names))], s.token()
	r.start(&process{kind: heal, visitor: s.visitor, instance: in, cookie: cookie{s.id, seen}}, func(ctx context.Context) {
		_, _ = in.store.HealKey(ctx, sid.Key("msm:", sid.Record, token), seen)
	})
}

func (r *run) kind() history.Kind {
	n := r.rng.Float64() * 100
	if r.lasting {
		n *= 0.94
	}
	switch {
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

// collect takes what ended.
func (r *run) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := 1; id <= r.procs; id++ {
		p := r.active[id]
		if p == nil || !p.done {
			continue
		}
		delete(r.active, id)
		if p.call != nil {
			r.take(p)
		}
	}
}

// take is how a client takes its answer. One of an instance that has crashed never comes.
func (r *run) take(p *process) {
	v, gone := p.visitor, errors.Is(p.err, replica.ErrNoSession)
	r.note("#%d %s %s ends: %v, %+v, home %s, moved %v", p.id, p.kind, v.name, p.err, p.out, p.home, p.moved)
	r.tally.Requests++
	switch {
	case p.foreign != "":
		r.violate("%s by %s of %s sees what is not its own: %s", p.kind, p.instance.name, v.name, p.foreign)
	case p.instance.dead:
		r.late = append(r.late, p)
		return
	case gone:
		r.tally.Gone++
		p.out = history.Output{Gone: true}
		v.dropped[p.cookie.id] = true
		if r.early(p) {
			r.late = append(r.late, p)
		} else {
			p.call.End(p.out)
		}
		return
	case p.err != nil:
		r.tally.Refused++
		r.late = append(r.late, p)
		return
	}
	if p.stored != nil && r.wiped < p.began {
		r.checkCopies(p)
	}
	if p.untold() {
		r.violate("%s by %s of %s has moved the session from %s to %s, and the client is not told", p.kind, p.instance.name, v.name, p.from.Home, p.home)
	}
	if p.out.Count > v.adds {
		r.violate("doubled: %s of %s sees %d, of %d ever sent", p.kind, v.name, p.out.Count, v.adds)
	}
	if p.out.Count < p.least && p.kind != history.Destroy && p.kind != history.Renew && !r.many {
		r.violate("old: %s by %s of %s with %+v sees %d, and %d was seen there before", p.kind, p.instance.name, v.name, p.cookie, p.out.Count, p.least)
	}
	v.acked[p.cookie.id] = max(v.acked[p.cookie.id], p.out.Count)
	if f := (floor{p.instance, p.cookie}); p.moved && p.home != p.cookie.node {
		v.floors[f] = max(v.floors[f], p.out.Count)
	}
	if p.dead && !r.many {
		r.violate("resurrected: %s by %s of %s with %+v is accepted, of which every instance knows that it has ended", p.kind, p.instance.name, v.name, p.cookie)
	}
	if r.early(p) {
		r.late = append(r.late, p)
	} else {
		p.call.End(p.out)
	}
	if p.kind == history.Destroy || p.kind == history.Renew {
		v.ended[p.cookie.id] = r.now
	}
	r.setCookie(p)
}

func (r *run) setCookie(p *process) {
	v := p.visitor
	switch {
	case p.kind == history.Renew:
		if p.cookie.id+1 == len(v.tokens) {
			v.tokens = append(v.tokens, p.token)
			v.cookie = cookie{p.cookie.id + 1, p.home}
			v.cookies, v.term = append(v.cookies, v.cookie), p.term
		}
	case p.home != p.cookie.node || p.moved:
		c := cookie{p.cookie.id, p.home}
		v.cookies = append(v.cookies, c)
		if p.cookie.id == v.cookie.id && (p.term >= v.term || p.kind == history.Destroy) { // of two answers that cross on their way, the older one's cookie is an old one
			v.cookie, v.term = c, p.term
		}
	}
}

// early: what a cookie that is not the newest leads to may be stale for a while after a fault (design.md, section 8:
// epochs). When others see what was done with it is promised once all is calm.
func (r *run) early(p *process) bool { return p.old && r.quiet <= settle+r.now-p.began }

// settleLate: from here on every request must see what was done with old cookies, and what failed has happened by now or
// never will.
func (r *run) settleLate() {
	for _, p := range r.late {
		switch {
		case p.kind == history.Read:
			p.call.Drop()
		case p.err == nil && !p.instance.dead:
			p.call.End(p.out)
		default:
			p.call.End(history.Output{Maybe: true})
		}
	}
	r.late = nil
}

// end looks at every session through every instance after all faults are over.
func (r *run) end() {
	r.recover()
	r.probeAll()
	r.quiet = 1 << 30 // long enough for any cookie
	r.settleLate()
	for _, v := range r.visitors {
		for _, in := range r.instances {
			r.request(in, v, history.Read, false)
			r.finish()
			r.request(in, v, history.Read, true)
			r.finish()
		}
	}
}

// checkHistories belongs outside of the bubble: only there its time passes.
func (r *run) checkHistories() (list []string) {
	if r.many {
		return nil
	}
	for _, v := range r.visitors {
		if err := v.log.Check(undecided); err != nil {
			list = append(list, fmt.Sprintf("%s: %v", v.name, err))
		}
	}
	return list
}
