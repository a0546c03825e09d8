package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// closePatience is how long Close goes on when nothing can be stored: less than the 10 s that a container has to end,
// and longer than may pass between two probes of a node that is away, about a second.
const closePatience = 7 * time.Second

func newLocal(store *replica.Store, c *Config, log *journal.Journal) *local.Store {
	held := local.Config{
		Replica: store, Route: c.Route, MaxSessions: c.MaxLocalSessions, MaxBytes: c.MaxLocalBytes, MaxSize: c.MaxSessionSize,
		Sync: c.BackupSync, RefillRate: c.RefillRate, Wait: c.requestWait(), Patience: max(closePatience, 10*c.OpTimeout), Log: log,
	}
	if c.MemoryOnly != nil {
		held.MemoryOnly = c.MemoryOnly.MatchString
	}
	return local.New(held)
}

// sticky is the backend of an instance that serves its sessions from memory. Those that another instance serves are read
// from their nodes and written there, and that instance is told.
type sticky struct {
	direct        // with memory
	route  string // the name of this instance
}

func (b *sticky) find(ctx context.Context, id sid.ID, _ *lock.SessionLock, room *handles) (handle, *record.Record, error) {
	held, err := b.hold(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return b.serve(held, id.Token, room)
}

// hold returns the session in memory, where local.Store.Hold brings it if it is not there.
func (b *sticky) hold(ctx context.Context, id sid.ID) (*local.Session, error) {
	if held := b.memory.Ready(id); held != nil {
		return held, nil
	}
	if _, _, err := b.turns.Acquire(ctx, id.Token); err != nil { // so that parallel requests load it once
		return nil, err
	}
	defer b.turns.Release(id.Token, nil)
	return b.memory.Hold(ctx, id)
}

// serve returns the handle of a session in memory.
func (b *sticky) serve(held *local.Session, token string, room *handles) (handle, *record.Record, error) {
	rec, node := b.memory.Rehome(held)
	room.served = served{backend: b, held: held, at: sid.ID{Token: token, Node: node, Route: b.route}}
	return &room.served, rec, nil
}

// open finds a session in memory if this instance serves it, or brings it there. If not, it is read from its nodes, and
// stays with the instance that serves it.
func (b *sticky) open(ctx context.Context, id sid.ID, _ *lock.SessionLock, room *handles) (handle, *record.Record, error) {
	if held := b.memory.PeekServed(id); held != nil {
		return b.serve(held, id.Token, room)
	}
	if _, _, err := b.turns.Acquire(ctx, id.Token); err != nil { // so that parallel callers load it once
		return nil, nil, err
	}
	defer b.turns.Release(id.Token, nil)
	held, access, rec, err := b.memory.HoldServed(ctx, id)
	switch {
	case err != nil:
		return nil, nil, err
	case held != nil:
		return b.serve(held, id.Token, room)
	}
	return &elsewhere{stored{backend: &b.direct, access: access, token: id.Token, route: rec.Route}, b}, rec, nil
}

func (b *sticky) create(ctx context.Context, id sid.ID, first *record.Record) (handle, *record.Record, error) {
	held, err := b.memory.Create(ctx, id.Token, id.Node, first)
	return &served{b, held, sid.ID{Token: id.Token, Node: id.Node, Route: b.route}}, first, err
}

func (b *sticky) peek(ctx context.Context, id sid.ID) (rec *record.Record, node string, err error) {
	if held := b.memory.PeekServed(id); held != nil {
		rec, _ = held.View()
		return rec, id.Node, nil
	}
	return b.direct.peek(ctx, id)
}

func (b *sticky) touch(id sid.ID) bool { return id.Route == b.route && b.memory.Get(id.Token) != nil }

// elsewhere is the handle of a session that another instance serves.
type elsewhere struct {
	stored
	sticky *sticky
}

// reload finds the session in memory if this instance has come to serve it.
func (h *elsewhere) reload(ctx context.Context, _ bool, room *handles) (handle, *record.Record, error) {
	return h.sticky.open(ctx, h.id(), nil, room)
}

// served is the handle of a session in this instance's memory.
type served struct {
	backend *sticky
	held    *local.Session
	at      sid.ID // where it was when it was found
}

func (h *served) id() sid.ID {
	id := h.at
	_, id.Node = h.backend.memory.Rehome(h.held)
	return id
}

func (h *served) moved() bool { return false }

// commit stores changes in memory. Those that call a function of the application cannot be made again after the request,
// so they are stored on the nodes as well.
func (h *served) commit(ctx context.Context, d *draft) (*record.Record, error) {
	return h.change(ctx, d.base, d.work, d.list.detached(), d.list.callApp())
}

func (h *served) pop(ctx context.Context, base *record.Record, p *popCall) (*record.Record, error) {
	work := base.Draft()
	if err := p.from(work); err != nil {
		return nil, err
	}
	return h.change(ctx, base, work, p.from, p.first.callApp())
}

// change makes changes, which redo can make again to a newer record. now says that the nodes are to have them, too.
func (h *served) change(ctx context.Context, base, work *record.Record, redo replica.Change, now bool) (rec *record.Record, err error) {
	commit := (*local.Store).Commit
	if now {
		commit = (*local.Store).CommitNow
	}
	err = h.inMemory(ctx, func() error {
		rec, err = commit(h.backend.memory, ctx, h.held, base, work, redo)
		return err
	})
	return rec, err
}

// inMemory calls do with the session in memory. If that leaves memory at this moment, it is loaded again.
func (h *served) inMemory(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, local.ErrRemoved) {
			return err
		}
		h.backend.store.Random.Pause(ctx) // others that waited for the same turn find it gone at the same moment
		held, err := h.backend.hold(ctx, h.at)
		if err != nil {
			return err
		}
		h.held = held
	}
}

func (h *served) destroy(ctx context.Context) error {
	return h.inMemory(ctx, func() error { return h.backend.memory.Destroy(ctx, h.held) })
}

func (h *served) renew(ctx context.Context, r renewal) (handle, *record.Record, error) {
	b, next := h.backend, &served{backend: h.backend, at: sid.ID{Token: r.id.Token, Node: r.id.Node, Route: h.backend.route}}
	err := h.inMemory(ctx, func() (err error) {
		next.held, err = b.memory.Renew(ctx, h.held, local.Renewal{
			Token: r.id.Token, Node: r.id.Node, Base: r.base, Work: r.work, Redo: r.list.replay,
			Successor: func(of *record.Record) *record.Record { return b.successor(of, r.login) },
		})
		return err
	})
	switch {
	case errors.Is(err, replica.ErrRenewed): // by another login
		created, rec, err := b.create(ctx, r.id, b.successor(r.work, r.login))
		return created, rec, gone(err)
	case err != nil:
		return nil, nil, gone(err)
	}
	rec, _ := next.held.View()
	return next, rec, nil
}

func (h *served) reload(ctx context.Context, open bool, room *handles) (handle, *record.Record, error) {
	if open {
		return h.backend.open(ctx, h.id(), nil, room)
	}
	return h.backend.find(ctx, h.id(), nil, room)
}

func (h *served) used(*record.Record) { h.backend.memory.Use(h.held, time.Now()) }

func (h *served) cookieDue(_ *record.Record, every time.Duration) bool {
	return h.held.CookieDue(time.Now(), every)
}

func (h *served) hold(*lock.SessionLock) {} // sticky mode has no locks

func (h *served) scheduleRepair() {} // its next write repairs the copies
