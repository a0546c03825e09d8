package copies

import (
	"fmt"
)

// logTo logs every operation with what it has left, and the end of every request. Ids are random, so it does not log
// them.
func (r *run) logTo(log func(format string, args ...any)) {
	r.trace = func(c *call, err error) {
		p, op := r.active[c.process], "read"
		if c.Write() {
			op = "WRITE"
		}
		if p == nil || p.visitor == nil {
			log("%d: #%d probe by %s of %s, %s: %v", r.now, c.process, c.instance.name, c.server, op, err)
			return
		}
		log("%d: #%d %s %s by %s (cookie %+v) %s %s: %v | %s", r.now, c.process, p.kind, p.visitor.name, c.instance.name,
			p.cookie, op, c.server, err, r.describe(c.server, session{p.visitor, p.cookie.id}))
	}
	r.note = func(format string, args ...any) { log("%d: "+format, append([]any{r.now}, args...)...) }
}

// describe shows what a server has of a session. Of epochs it shows only whether they are the present ones.
func (r *run) describe(server string, v session) string {
	rec := r.on(server, v)
	if rec == nil {
		return r.at(server).state + ", nothing"
	}
	text, _ := rec.Get("text")
	flags := ""
	if rec.Tombstone {
		flags += " dead"
	} else {
		flags = fmt.Sprintf(" n=%d %s", count(rec), text)
	}
	if rec.Unsettled {
		flags += " unsettled"
	}
	for _, c := range rec.Copies {
		flags += " " + c.Node
		if !r.present(c) {
			flags += "(old)"
		}
	}
	return fmt.Sprintf("t%d v%d home %s%s", rec.Term, rec.Version, rec.Home, flags)
}
