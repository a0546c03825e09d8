package copies

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sim/history"
)

// violate records that a guarantee was broken.
func (r *run) violate(format string, args ...any) {
	r.violations = append(r.violations, fmt.Sprintf("step %d: ", r.now)+fmt.Sprintf(format, args...))
}

// collect takes the processes that have ended.
func (r *run) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := 1; id <= r.procs; id++ {
		p := r.active[id]
		if p == nil || !p.done {
			continue
		}
		delete(r.active, id)
		switch {
		case p.kind == login:
			r.takeLogin(p)
		case p.call != nil:
			r.take(p)
		}
	}
}

// take is how a client takes its answer. The answer of an instance that has crashed never comes.
func (r *run) take(p *process) {
	v, gone := p.visitor, errors.Is(p.err, replica.ErrNoSession)
	r.note("#%d %s %s ends: %v, %+v, home %s, moved %v", p.id, p.kind, v.name, p.err, p.out, p.home, p.moved)
	r.tally.Requests++
	p.twice = p.twice || (p.thin || p.instance.backups < r.backups) && r.quiet <= settle+r.now-p.began // one fault is too many where there is one copy
	switch {
	case p.foreign != "":
		r.violate("%s by %s of %s sees what is not its own: %s", p.kind, p.instance.name, v.name, p.foreign)
	case p.saysNothing():
		r.late = append(r.late, p)
		return
	case gone:
		r.tally.Gone++
		p.out = history.Output{Gone: true}
		v.dropped[p.cookie.id] = true
		r.enter(p)
		if p.cookie.id == v.cookie.id {
			r.leave(v)
		}
		return
	case p.err != nil:
		r.judgeRefusal(p)
		r.late = append(r.late, p)
		return
	}
	r.judge(p)
	r.enter(p)
	if p.kind == history.Destroy || p.kind == history.Renew {
		v.ended[p.cookie.id] = r.now
	}
	r.setCookie(p)
	if p.kind == history.Destroy && p.cookie.id == v.cookie.id {
		r.leave(v)
	}
}

// saysNothing reports whether the answer means nothing: it never comes, because its instance has crashed, or nothing is
// promised of it, because it has met as many faults as its session has copies.
func (p *process) saysNothing() bool { return p.instance.dead || p.twice }

// judge checks what can be checked of an answer at once. Whether it fits the other answers is checked with the
// histories.
func (r *run) judge(p *process) {
	v := p.visitor
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
	v.served++
	v.acked[p.cookie.id] = max(v.acked[p.cookie.id], p.out.Count)
	if f := (floor{p.instance, p.cookie}); p.moved && p.home != p.cookie.node {
		v.floors[f] = max(v.floors[f], p.out.Count)
	}
	if p.dead && !r.many {
		r.violate("resurrected: %s by %s of %s with %+v is accepted, of which every instance knows that it has ended", p.kind, p.instance.name, v.name, p.cookie)
	}
}

// tooLong is longer than any write tries whose operations end within their timeouts. A simulation in fake time knows
// nothing of these.
const tooLong = 20 * time.Second

// crowd is how many other requests have been served while one was not, if the only reason is that they were faster.
// Requests of one instance would take turns; here they do not.
const crowd = 8

// judgeRefusal checks that nobody is refused because of a fault of one node, and nobody without a reason. An instance
// with fewer backups has given that up for the sessions that it writes.
func (r *run) judgeRefusal(p *process) {
	r.tally.Refused++
	if errors.Is(p.err, errClash) {
		return
	}
	if p.pause == nil && time.Since(p.at) > tooLong && errors.Is(p.err, replica.ErrConflict) {
		return
	}
	if errors.Is(p.err, replica.ErrConflict) && p.visitor.served-p.served >= crowd {
		return
	}
	if strings.Contains(p.err.Error(), "may have stood still") { // it waits for probes, which do not come here
		return
	}
	if p.thin || r.thin(session{p.visitor, p.cookie.id}) {
		return
	}
	if p.began > r.blind+settle && r.tally.Faults-p.faults < 2 {
		r.violate("refused without a reason: %s by %s of %s with %+v: %v", p.kind, p.instance.name, p.visitor.name, p.cookie, p.err)
	}
}

// enter puts an answer into its visitor's history.
func (r *run) enter(p *process) {
	if r.early(p) {
		r.late = append(r.late, p)
	} else {
		p.call.End(p.out)
	}
}

// setCookie gives the visitor the cookie that an answer brings.
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
		if p.cookie.id == v.cookie.id && (p.term >= v.term || p.kind == history.Destroy) { // not the older of two answers that cross
			v.cookie, v.term = c, p.term
		}
	}
}

// early reports whether an answer comes from an old cookie too soon after a fault. What such a cookie leads to may be
// stale for a while (rules N13 and C2). That others see what was done with it is promised once all is calm.
func (r *run) early(p *process) bool { return p.old && r.quiet <= settle+r.now-p.began }

// settleLate puts the late answers into the histories. From here on every request must see what was done with old
// cookies, and what failed has happened by now or never will.
func (r *run) settleLate() {
	for _, p := range r.late {
		switch {
		case p.kind == history.Read:
			p.call.Drop()
		case p.err == nil && !p.saysNothing():
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
	for _, v := range r.everyone() {
		for _, in := range r.instances {
			r.request(in, v, history.Read, false)
			r.finish()
			r.request(in, v, history.Read, true)
			r.finish()
		}
	}
}

// checkHistories must run outside of the bubble, where time goes on while it works.
func (r *run) checkHistories() (list []string) {
	if r.many {
		return nil
	}
	for _, v := range r.everyone() {
		err := v.log.Check(history.Steps)
		switch {
		case errors.Is(err, history.ErrUndecided):
			r.tally.Undecided++
		case err != nil:
			list = append(list, fmt.Sprintf("%s: %v", v.name, err))
		}
	}
	return list
}
