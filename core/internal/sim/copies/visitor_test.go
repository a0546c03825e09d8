package copies

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sim/history"
)

// visitor is the client of one session.
type visitor struct {
	name    string
	tokens  []string // of the ids that the session had, the newest last
	cookie  cookie
	cookies []cookie // all that it ever had
	term    uint64   // of the record that the newest cookie came with
	log     *history.Log
	adds    int         // sent
	acked   map[int]int // by id: the highest count that was acknowledged
	floors  map[floor]int
	dropped map[int]bool // by id: a browser that was told that its session is gone has another one; see process.old
	ended   map[int]int  // by id: when its logout, or renewal, was acknowledged
}

// cookie is which of the session's ids a client has, and the node that it names.
type cookie struct {
	id   int
	node string
}

// floor is where a count is never lower than before: an instance that has given a session another home believes what lies on
// the node of that cookie no more.
type floor struct {
	instance *instance
	cookie   cookie
}

// session is what a visitor has under one of its ids: those that were renewed are destroyed, and have to stay so.
type session struct {
	visitor *visitor
	id      int
}

func (s session) token() string { return s.visitor.tokens[s.id] }

// newest is the last cookie that the client got with an id.
func (v *visitor) newest(id int) (c cookie) {
	for _, x := range v.cookies {
		if x.id == id {
			c = x
		}
	}
	return c
}

// process is a request, or what an instance does by itself.
type process struct {
	id       int
	visitor  *visitor
	kind     history.Kind // or heal, probe, bury
	text     string
	instance *instance
	cookie   cookie
	call     *history.Call
	began    int  // step
	old      bool // its cookie was not the newest, or was answered as gone before
	least    int  // what it must see; see floor
	dead     bool // its cookie was ended, and every instance has been told
	done     bool

	err     error
	out     history.Output
	stored  *record.Record // by what was acknowledged
	from    record.Record  // what the change was last made to
	foreign string         // what it saw that is not this session's
	token   string         // of Renew: the new one
	home    string
	moved   bool
	term    uint64
}

const (
	heal  = history.Kind("heal")
	probe = history.Kind("probe")
	bury  = history.Kind("bury")
)

// start begins a process in a goroutine of its own.
func (w *world) start(p *process, f func(ctx context.Context)) {
	w.procs++
	p.id = w.procs
	w.active[p.id] = p
	ctx := context.WithValue(p.instance.ctx, processKey{}, p.id)
	go func() {
		f(ctx)
		w.mu.Lock()
		p.done = true
		w.mu.Unlock()
	}()
	synctest.Wait() // one process at a time
}

func (w *world) create(in *instance, v *visitor) {
	w.start(&process{kind: "create", instance: in}, func(ctx context.Context) {
		access := in.store.Open(v.tokens[0], "")
		if _, err := access.Create(ctx, first(in, v.name)); err != nil {
			panic(fmt.Sprint("create without a fault: ", err))
		}
		v.cookie.node = access.Home()
		v.cookies = append(v.cookies, v.cookie)
	})
}

func first(in *instance, who string) *record.Record {
	now := in.store.Clock()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: time.Hour, Transcoder: "text"}
	rec.Set("n", []byte("0"))
	rec.Set("who", []byte(who))
	return rec
}

// request begins one.
func (w *world) request(in *instance, v *visitor, kind history.Kind, old bool) *process {
	c := v.cookie
	if old { // sent before the browser had the newest cookie, or copied
		c = v.cookies[w.rng.IntN(len(v.cookies))]
	}
	return w.send(in, v, kind, c)
}

func (w *world) send(in *instance, v *visitor, kind history.Kind, c cookie) *process {
	p := &process{visitor: v, kind: kind, instance: in, cookie: c, began: w.now, old: c != v.cookie || v.dropped[c.id], dead: w.told(v, c.id), least: v.floors[floor{in, c}]}
	if kind == history.Set {
		p.text = fmt.Sprintf("%s:%d", v.name, w.procs+1)
	}
	if kind == history.Add {
		v.adds++
	}
	p.call = v.log.Begin(w.procs+1, history.Input{Kind: kind, ID: p.cookie.id, Text: p.text})
	p.token = fmt.Sprintf("%s-%d", v.name, w.procs+1)
	blind := w.rng.IntN(2) == 0 // the handler did not read before it wrote
	access := in.store.Open(v.tokens[p.cookie.id], p.cookie.node)
	w.start(p, func(ctx context.Context) {
		p.err = p.serve(ctx, access, blind)
		if access.NeedsHeal() {
			w.mendLater(p, access.Home())
		}
		if kind != history.Renew || p.err != nil {
			p.home, p.moved = access.Home(), access.Moved()
		}
	})
	return p
}

func (p *process) serve(ctx context.Context, access *replica.Access, blind bool) error {
	if p.kind == history.Read || !blind {
		rec, err := access.Load(ctx)
		if err != nil {
			return err
		}
		p.saw(rec)
	}
	switch p.kind {
	case history.Add:
		return p.write(ctx, access, func(rec *record.Record) { rec.Set("n", []byte(strconv.Itoa(count(rec)+1))) })
	case history.Set:
		return p.write(ctx, access, func(rec *record.Record) { rec.Set("text", []byte(p.text)) })
	case history.Delete, history.Pop:
		return p.write(ctx, access, func(rec *record.Record) { rec.Delete("text") })
	case history.Renew:
		return p.renew(ctx, access)
	case history.Destroy:
		return access.Destroy(ctx, nil)
	}
	return nil
}

func (p *process) write(ctx context.Context, access *replica.Access, change func(*record.Record)) error {
	saw := replica.NewResults[history.Output](access)
	stored, err := access.Write(ctx, func(rec *record.Record) error {
		p.from = *rec
		rec.Attributes = rec.Draft().Attributes
		text, _ := rec.Get("text")
		change(rec)
		p.saw(rec)
		if p.kind == history.Pop {
			p.out.Text = string(text)
		}
		saw.Note(p.out)
		return nil
	})
	if err == nil {
		p.out, p.term, p.stored = saw.Of(stored), stored.Term, stored
	}
	return err
}

// untold: the request has moved the session to the very node that its cookie names, and does not say so. The client would
// keep what another answer has told it meanwhile. (A change that an earlier try has stored already is not made again, and
// the home may have changed since; then the version is higher.)
func (p *process) untold() bool {
	return p.stored != nil && p.stored.Version == p.from.Version+1 && p.stored.Home != p.from.Home && p.home == p.cookie.node && !p.moved
}

// renew gives the session another id, in the order in which package msm does it: what others store meanwhile comes along.
func (p *process) renew(ctx context.Context, access *replica.Access) error {
	base, err := access.Load(ctx)
	if err != nil {
		return err
	}
	fresh := first(p.instance, p.visitor.name)
	fresh.Attributes = base.Draft().Attributes
	renewed := p.instance.store.Open(p.token, "")
	stored, err := renewed.Create(ctx, fresh)
	if err != nil {
		return err
	}
	copied := base
	err = access.Destroy(ctx, func(last *record.Record) error {
		if last.Version == copied.Version && last.LastWrite() == copied.LastWrite() {
			return nil
		}
		copied = last.Clone()
		_, err := renewed.Write(ctx, func(rec *record.Record) error {
			rec.Attributes = copied.Draft().Attributes
			return nil
		})
		return err
	})
	if err != nil {
		return errors.Join(err, p.instance.store.Open(p.token, renewed.Home()).Destroy(ctx, nil))
	}
	p.home, p.term = renewed.Home(), stored.Term
	return nil
}

// saw notes what the client gets to see of a record.
func (p *process) saw(rec *record.Record) {
	text, _ := rec.Get("text")
	who, _ := rec.Get("who")
	if string(who) != p.visitor.name || len(text) > 0 && !strings.HasPrefix(string(text), p.visitor.name+":") {
		p.foreign = fmt.Sprintf("%s, %s", who, text)
	}
	p.out, p.term = history.Output{Count: count(rec), Text: string(text)}, rec.Term
}

func (w *world) mendLater(p *process, home string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.instance.dead {
		return
	}
	w.heals = append(w.heals, &process{kind: heal, visitor: p.visitor, instance: p.instance, cookie: cookie{p.cookie.id, home}})
}

func count(rec *record.Record) int {
	text, _ := rec.Get("n")
	n, err := strconv.Atoi(string(text))
	if err != nil {
		panic(err)
	}
	return n
}
