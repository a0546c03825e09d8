package copies

import (
	"fmt"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

const (
	settle    = 30  // steps; requests that began before have ended by then
	mended    = 250 // far more steps than it takes to visit and then repair all sessions, among
	mendedOne = 25  // four requests at a time; for each session this many more
	visited   = 20  // visits by then; fewer if all requests wait, as a logout does until others have heard of it
)

// watch counts for how long nothing has been wrong, and finds sessions that nobody repairs.
func (r *run) watch() {
	if r.mayRefuse() {
		r.blind = r.now
	}
	if len(r.faults) > 0 || !r.calm() || r.now >= r.steps {
		r.quiet, r.torn = 0, 0
		return
	}
	if r.quiet++; r.quiet > settle {
		r.settleLate()
	}
	if r.torn++; !r.lacking() {
		r.torn, r.tornAt = 0, r.tally.Requests
	}
	limit := (mended + mendedOne*len(r.sessions())) * max(r.parallel, 4) / 4
	if visits := r.tally.Requests - r.tornAt; r.torn >= limit && visits >= visited && !r.many {
		r.violate("a session still lacks a copy, %d quiet steps and %d visits after a fault", r.torn, visits)
		r.torn, r.tornAt = 0, r.tally.Requests
	}
}

// calm reports whether every instance uses every node, and owes none anything (see owes).
func (r *run) calm() bool { return !r.owes() && r.usesAll() }

// usesAll reports whether every instance has the whole list of nodes, uses every node, and knows its epoch.
func (r *run) usesAll() bool {
	for _, in := range r.instances {
		for _, name := range r.names {
			if in.halted || !in.uses(name) || in.nodes[name].ID() != name || !r.isEpoch(name, in.nodes[name].Epoch()) {
				return false
			}
		}
	}
	return true
}

// told reports whether a visitor's session with that id was ended, and every instance has looked since at each node
// that it can reach, and done what it was asked to do.
func (w *world) told(v *visitor, id int) bool {
	since, ended := v.ended[id]
	if !ended || len(w.errands) > 0 {
		return false
	}
	for _, p := range w.active {
		if p.kind == errand {
			return false
		}
	}
	return w.lookedSince(since)
}

// lookedSince reports whether every instance has looked, since that step, at each node that it can reach.
func (w *world) lookedSince(step int) bool {
	for _, in := range w.instances {
		for _, name := range w.names {
			if in.uses(name) && w.servers[name].state == "up" && !in.cut[name] && in.probed[name] <= step {
				return false
			}
		}
	}
	return true
}

// sessions returns all sessions that there ever were.
func (r *run) sessions() (list []session) {
	for _, v := range r.everyone() {
		for id := range v.tokens {
			list = append(list, session{v, id})
		}
	}
	return list
}

// repairing reports whether an instance repairs copies, or is about to.
func (r *run) repairing() bool {
	if len(r.heals) > 0 {
		return true
	}
	for _, p := range r.active {
		if p.kind == heal {
			return true
		}
	}
	return false
}

// on returns the record of a session on a server; nil: it has none that can be read.
func (r *run) on(node string, v session) *record.Record {
	value := r.at(node).Value(sid.Key("msm:", sid.Record, v.token()))
	if value == nil {
		return nil
	}
	rec, err := record.Decode(value)
	if err != nil {
		return nil
	}
	return rec
}

// newest returns the newest record of a session on any server, and how many servers have it.
func (r *run) newest(v session) (newest *record.Record, copies int) {
	newest = &record.Record{}
	for _, name := range r.names {
		rec := r.on(name, v)
		switch {
		case rec == nil || rec.Rank().Before(newest.Rank()):
		case rec.Rank() == newest.Rank():
			copies++
		default:
			newest, copies = rec, 1
		}
	}
	return newest, copies
}

// checkCopies checks that an acknowledged record is on every node that it names.
func (r *run) checkCopies(p *process) {
	for _, c := range p.stored.Copies {
		rec := r.on(c.Node, session{p.visitor, p.cookie.id})
		if rec == nil || rec.Rank().Before(p.stored.Rank()) {
			r.violate("%s by %s of %s is acknowledged, and is not on %s", p.kind, p.instance.name, p.visitor.name, c.Node)
		}
	}
}

// whole reports whether every session has all its copies. A session that was acknowledged on a single copy, because no
// other node was left, waits for its next visit. Another fault before that would be a second one.
func (r *run) whole() bool {
	for _, v := range r.sessions() {
		if newest, copies := r.newest(v); copies <= r.backups && !r.over(newest) {
			return false
		}
	}
	return true
}

// lacking reports whether the newest record of a session says that its copies need repair.
func (r *run) lacking() bool {
	for _, v := range r.sessions() {
		newest, _ := r.newest(v)
		if r.over(newest) {
			continue
		}
		if newest.Unsettled || len(newest.Copies) <= r.backups {
			return true
		}
		for _, c := range newest.Copies {
			if !r.present(c) {
				return true
			}
		}
	}
	return false
}

// thin reports whether an instance with fewer backups was the last to write the session.
func (r *run) thin(v session) bool {
	newest, _ := r.newest(v)
	return r.fewer && newest.Version > 0 && len(newest.Copies) <= r.backups
}

// over reports whether the session, or its tombstone, has ended by itself.
func (r *run) over(newest *record.Record) bool {
	return newest.Version == 0 || newest.Expired(time.Now())
}

// present reports whether a copy is in the present epoch of its node, and the node has not got another id.
func (r *run) present(c record.Copy) bool {
	return r.servers[c.Node] != nil && r.isEpoch(c.Node, c.Epoch)
}

// isEpoch reports whether the server has that epoch.
func (r *run) isEpoch(server string, epoch uint32) bool {
	return strings.HasPrefix(string(r.servers[server].Value("epoch")), fmt.Sprintf("%08x ", epoch))
}

// mayRefuse reports whether requests may be refused: the fault affects more than one node, or is not over yet for every
// instance.
func (r *run) mayRefuse() bool {
	for _, f := range r.faults {
		if f.kind == "isolate" || f.kind == "halt" || r.many || r.atOnce > 1 {
			return true
		}
	}
	return r.blind > 0 && r.blind == r.now-1 && !r.calm() || r.now >= r.steps && !r.calm() // in the end nobody probes
}
