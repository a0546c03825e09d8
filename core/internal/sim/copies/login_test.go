package copies

import (
	"context"
	"fmt"
	"time"

	"github.com/gomsm/msm/core/internal/sim/history"
)

// login begins the session of a visitor.
func (r *run) login(in *instance) {
	v := &visitor{
		name: fmt.Sprintf("visitor%d", r.came), log: history.New(history.Output{}), ended: map[int]int{}, dropped: map[int]bool{},
		acked: map[int]int{}, floors: map[floor]int{}, life: newLife(),
	}
	v.tokens = []string{v.name}
	r.came++
	p := &process{kind: login, visitor: v, instance: in, began: r.now, at: time.Now(), faults: r.past()}
	r.start(p, func(ctx context.Context) {
		access := in.store.Open(v.tokens[0], "")
		_, p.err = access.Create(ctx, first(in, v.name))
		v.cookie.node = access.Home()
		v.cookies = append(v.cookies, v.cookie)
	})
}

// takeLogin takes the answer to a login. A visitor that was not let in tries again.
func (r *run) takeLogin(p *process) {
	r.note("#%d login of %s ends: %v", p.id, p.visitor.name, p.err)
	switch {
	case p.instance.dead:
		r.missing++
	case p.err != nil:
		r.judgeRefusal(p)
		r.missing++
	default:
		r.visitors = append(r.visitors, p.visitor)
	}
}

// leave is for a visitor that has logged out, or was told that the session is gone. It comes back with a new session;
// the cookies of the old one may still come.
func (r *run) leave(v *visitor) {
	for i, x := range r.visitors {
		if x == v {
			r.visitors = append(r.visitors[:i:i], r.visitors[i+1:]...)
			r.former = append(r.former, v)
			r.missing++
			return
		}
	}
}

// everyone returns all visitors that ever came.
func (r *run) everyone() []*visitor {
	return append(r.former[:len(r.former):len(r.former)], r.visitors...)
}

// someone returns the visitor that comes next; nil: nobody.
func (r *run) someone() *visitor {
	list := r.visitors
	if n := len(r.former); n > 0 && r.rng.IntN(8) == 0 {
		list = r.former[max(0, n-4):]
	}
	if len(list) == 0 {
		return nil
	}
	return list[r.rng.IntN(len(list))]
}
