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

// process is a request, or something that an instance does by itself.
type process struct {
	id       int
	visitor  *visitor
	kind     history.Kind              // of package history, or one of those below
	task     func(ctx context.Context) // what an instance does by itself
	text     string
	idle     time.Duration
	pause    func() // what a slow handler does before it writes
	instance *instance
	cookie   cookie
	call     *history.Call
	began    int // the step
	at       time.Time
	faults   int  // run.past when it began
	served   int  // visitor.served when it began
	blind    bool // its handler does not read before it writes
	alone    bool // its handler has a lock: it changes what it has read, and nothing else
	old      bool // its cookie was not the newest, or was answered as gone before
	least    int  // the count that it must see at least; see floor
	dead     bool // its cookie was ended, and every instance has been told
	twice    bool // it has met two faults, or one where there is one copy: nothing is promised of its answer
	thin     bool // when it began, its session had fewer copies than most instances make
	done     bool

	err     error
	out     history.Output
	stored  *record.Record // the record that was acknowledged
	read    record.Rank    // rank of the record that its handler has read
	from    record.Record  // the record to which the change was made last
	foreign string         // what it saw that is not of this session; empty: nothing
	token   string         // the new one of a Renew
	renewed *replica.Access
	home    string
	moved   bool
	term    uint64
}

const (
	heal   = history.Kind("heal")
	probe  = history.Kind("probe")
	errand = history.Kind("errand")
	login  = history.Kind("login")
	idle   = history.Kind("idle") // a request that gives the session another idle timeout
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
	synctest.Wait() // one process runs at a time
}

// first returns the first record of a session.
func first(in *instance, who string) *record.Record {
	now := in.store.Clock()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: usual, Transcoder: "text"}
	rec.Set("n", []byte("0"))
	rec.Set("who", []byte(who))
	return rec
}

// request begins a request with the visitor's newest cookie, or with any of its cookies.
func (r *run) request(in *instance, v *visitor, kind history.Kind, old bool) *process {
	c := v.cookie
	if old { // sent before the browser had the newest cookie, or copied
		c = v.cookies[r.rng.IntN(len(v.cookies))]
	}
	return r.send(in, v, kind, c)
}

// send begins a request with that cookie.
func (r *run) send(in *instance, v *visitor, kind history.Kind, c cookie) *process {
	p := &process{
		visitor: v, kind: kind, instance: in, cookie: c, began: r.now, at: time.Now(), faults: r.past(), served: v.served, old: c != v.cookie || v.dropped[c.id],
		dead: r.told(v, c.id), thin: r.thin(session{v, c.id}), least: v.floors[floor{in, c}], token: fmt.Sprintf("%s-%d", v.name, r.procs+1),
	}
	switch kind {
	case history.Set:
		p.text = fmt.Sprintf("%s:%d", v.name, r.procs+1)
	case history.Add:
		v.adds++
	case idle:
		p.idle = r.anyIdle(v)
	}
	p.call = v.log.Begin(r.procs+1, history.Input{Kind: kind, ID: c.id, Text: p.text})
	p.blind = r.rng.IntN(2) == 0
	if r.rng.Float64() < r.slow && kind != history.Read {
		p.blind, p.pause = false, func() { r.rest(p, 10+r.rng.IntN(40)) }
	}
	if r.alone > 0 && r.rng.Float64() < r.alone {
		p.blind, p.alone = false, true
	}
	token := v.tokens[c.id]
	access := in.store.Open(token, c.node)
	if r.sticky && p.old {
		access.Outrank(in.apart[token])
	}
	r.start(p, func(ctx context.Context) {
		p.err = p.serve(ctx, access)
		if access.NeedsHeal() {
			r.mendLater(p, token, access.Home())
		}
		if p.renewed != nil && p.renewed.NeedsHeal() {
			r.mendLater(p, p.token, p.renewed.Home())
		}
		if p.stored != nil {
			in.apart[token] = p.stored
		}
		if kind != history.Renew || p.err != nil {
			p.home, p.moved = access.Home(), access.Moved()
		}
	})
	return p
}

// past returns how many faults there were, without those that last.
func (r *run) past() int { return r.tally.Faults - len(r.faults) }

// serve is what the instance does for a request.
func (p *process) serve(ctx context.Context, access *replica.Access) error {
	if p.kind == history.Read || !p.blind {
		rec, err := access.Load(ctx)
		if err != nil {
			return err
		}
		p.saw(rec)
		p.read = rec.Rank()
	}
	if p.pause != nil {
		p.pause()
	}
	switch p.kind {
	case history.Add:
		return p.write(ctx, access, func(rec *record.Record) { rec.Set("n", []byte(strconv.Itoa(count(rec)+1))) })
	case history.Set:
		return p.write(ctx, access, func(rec *record.Record) { rec.Set("text", []byte(p.text)) })
	case history.Delete, history.Pop:
		return p.write(ctx, access, func(rec *record.Record) { rec.Delete("text") })
	case idle:
		return p.write(ctx, access, func(rec *record.Record) { rec.IdleTimeout = p.idle })
	case history.Renew:
		return p.renew(ctx, access)
	case history.Destroy:
		return access.Destroy(ctx, nil)
	}
	return nil
}

// errClash ends a request with a lock if another one has changed the session all the same.
var errClash = errors.New("in spite of the lock another one has changed it")

func (p *process) write(ctx context.Context, access *replica.Access, change func(*record.Record)) error {
	saw := replica.NewResults[history.Output](access)
	stored, err := access.Write(ctx, func(rec *record.Record) error {
		if p.alone && rec.Rank() != p.read {
			return errClash
		}
		p.from = *rec
		rec.Attributes = rec.Draft().Attributes
		rec.LastAccess = p.instance.store.Clock()
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

// untold reports whether the request has moved the session to the very node that its cookie names, and does not say so.
// The client would then keep what another answer has told it meanwhile. (A change that an earlier attempt has stored is
// not made again, and the home (the primary) may have changed since; in that case the version is higher.)
func (p *process) untold() bool {
	return p.stored != nil && p.stored.Version == p.from.Version+1 && p.stored.Home != p.from.Home && p.home == p.cookie.node && !p.moved
}

// renew gives the session another id, in the same order as package msm: what others store meanwhile comes along.
func (p *process) renew(ctx context.Context, access *replica.Access) error {
	base, err := access.Load(ctx)
	if err != nil {
		return err
	}
	fresh := first(p.instance, p.visitor.name)
	fresh.Attributes = base.Draft().Attributes
	renewed := p.instance.store.Open(p.token, "")
	p.renewed = renewed
	stored, err := renewed.Create(ctx, fresh)
	if err != nil {
		return err
	}
	copied := base
	err = access.Destroy(ctx, func(last *record.Record) error {
		if last.SameAs(copied) {
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

// saw notes what the client sees of a record.
func (p *process) saw(rec *record.Record) {
	text, _ := rec.Get("text")
	who, _ := rec.Get("who")
	if string(who) != p.visitor.name || len(text) > 0 && !strings.HasPrefix(string(text), p.visitor.name+":") {
		p.foreign = fmt.Sprintf("%s, %s", who, text)
	}
	p.out, p.term = history.Output{Count: count(rec), Text: string(text)}, rec.Term
}

// mendLater has the instance repair, by itself, the copies that a request has found lacking.
func (w *world) mendLater(p *process, token, home string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.instance.dead {
		return
	}
	in := p.instance
	w.heals = append(w.heals, &process{
		kind: heal, visitor: p.visitor, instance: in, cookie: cookie{p.cookie.id, home},
		task: func(ctx context.Context) { _ = in.store.Open(token, home).Heal(ctx) },
	})
}

func count(rec *record.Record) int {
	text, _ := rec.Get("n")
	n, err := strconv.Atoi(string(text))
	if err != nil {
		panic(err)
	}
	return n
}
