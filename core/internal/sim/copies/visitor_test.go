package copies

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// visitor is the client of one session, and what it was promised.
type visitor struct {
	token, node string
	term        uint64   // of the record that the newest cookie came with
	cookies     []string // nodes of all cookies it ever had
	acked       int      // increments that were acknowledged
	unknown     int      // increments whose request failed: done or not
	active      int
	out         bool // a logout was acknowledged
	outAt       int
	tried       bool // a logout was sent
}

// process is a request, a heal or a probe that is running.
type process struct {
	id       int
	visitor  *visitor
	kind     string
	instance *instance
	started  int
	promised int // acknowledged before it began: it must not see less
	cookie   string
	fresh    bool // it must see all that was promised
	done     bool

	ok, gone, moved bool
	value           int
	node            string
	term            uint64
}

// run starts a process in a goroutine of its own.
func (w *world) run(p *process, f func(ctx context.Context)) {
	w.procs++
	p.id = w.procs
	w.active[p.id] = p
	ctx := context.WithValue(context.Background(), processKey{}, p.id)
	go func() {
		f(ctx)
		w.mu.Lock()
		p.done = true
		w.mu.Unlock()
	}()
}

func (w *world) create(in *instance, v *visitor) {
	w.run(&process{kind: "create", instance: in}, func(ctx context.Context) {
		access := in.store.Open(v.token, "")
		now := time.Now()
		first := &record.Record{Created: now, LastAccess: now, IdleTimeout: time.Hour, Transcoder: "text"}
		first.Set("n", []byte("0"))
		if _, err := access.Create(ctx, first); err != nil {
			panic(fmt.Sprint("create without a fault: ", err))
		}
		v.node = access.Home()
	})
}

func (w *world) request(in *instance, v *visitor, kind string, now int) *process {
	p := &process{kind: kind, visitor: v, instance: in, started: now, promised: v.acked, cookie: v.node, fresh: true}
	if w.rng.IntN(6) == 0 && len(v.cookies) > 0 { // sent before the browser had the newest cookie, or copied
		p.cookie = v.cookies[w.rng.IntN(len(v.cookies))]
		p.fresh = p.cookie == v.node || w.quiet > settle
	}
	v.active++
	v.tried = v.tried || kind == "logout"
	blind := w.rng.IntN(2) == 0 // the handler did not read before it wrote
	access := in.store.Open(v.token, p.cookie)
	w.run(p, func(ctx context.Context) {
		err := p.serve(ctx, access, blind)
		if access.NeedsHeal() {
			w.mendLater(p, access.Home())
		}
		p.ok, p.gone = err == nil, errors.Is(err, replica.ErrNoSession)
		p.node, p.moved = access.Home(), access.Moved()
	})
	return p
}

func (p *process) serve(ctx context.Context, access *replica.Access, blind bool) error {
	switch p.kind {
	case "logout":
		return access.Destroy(ctx, nil)
	case "read", "repair":
		return p.read(ctx, access)
	}
	if !blind {
		if _, err := access.Load(ctx); err != nil {
			return err
		}
	}
	stored, err := access.Write(ctx, func(rec *record.Record) error {
		rec.Set("n", []byte(strconv.Itoa(count(rec)+1)))
		return nil
	})
	if err == nil {
		p.value, p.term = count(stored), stored.Term
	}
	return err
}

func (p *process) read(ctx context.Context, access *replica.Access) error {
	rec, err := access.Load(ctx)
	if err != nil {
		return err
	}
	p.value, p.term = count(rec), rec.Term
	return nil
}

func (w *world) mendLater(p *process, home string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heals = append(w.heals, &process{kind: "heal", visitor: p.visitor, instance: p.instance, cookie: home})
}

func count(rec *record.Record) int {
	text, _ := rec.Get("n")
	n, err := strconv.Atoi(string(text))
	if err != nil {
		panic(err)
	}
	return n
}
