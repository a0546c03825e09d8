package msm

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/repair"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// direct reads and writes sessions on their nodes. It is the backend of an instance that is not sticky, where every
// instance serves every request. Within sticky it is for the sessions that other instances serve.
type direct struct {
	store      *replica.Store
	turns      *keyqueue.Queues[struct{}] // of writes and loads, one queue for each session
	background *repair.Queue
	refreshes  *recent.Times                                              // when a session's next refresh is due
	cookies    *recent.Times                                              // when a session's cookie is due again
	successor  func(of *record.Record, login record.Login) *record.Record // see Manager.renewedRecord
	memory     *local.Store                                               // has to know of writes to sessions that it holds; nil: not sticky
}

// change writes, by way of memory if there is one, so that the instance that serves the session is told.
func (b *direct) change(ctx context.Context, token string, access *replica.Access, change replica.Change) (*record.Record, error) {
	if b.memory != nil {
		return b.memory.Change(ctx, token, access, change)
	}
	return access.Write(ctx, change)
}

// end destroys the session, likewise.
func (b *direct) end(ctx context.Context, token string, access *replica.Access) error {
	if b.memory != nil {
		return b.memory.End(ctx, token, access)
	}
	return access.Destroy(ctx, nil)
}

func (b *direct) endKey(ctx context.Context, session sid.Hash, node string) error {
	if b.memory != nil {
		return b.memory.EndKey(ctx, session, node)
	}
	return b.store.OpenKey(session.Key(b.store.KeyPrefix, sid.Record), node).Destroy(ctx, nil)
}

func (b *direct) forget(ctx context.Context, sessions []sid.Hash) {
	if b.memory != nil {
		b.memory.ForgetKeys(ctx, sessions)
	}
}

func (b *direct) find(ctx context.Context, id sid.ID, locked *lock.SessionLock, room *handles) (handle, *record.Record, error) {
	h := &room.stored
	*h = *b.at(id, id.Node)
	h.hold(locked)
	rec, err := h.access.Load(ctx)
	return h, rec, err
}

func (b *direct) open(ctx context.Context, id sid.ID, locked *lock.SessionLock, room *handles) (handle, *record.Record, error) {
	return b.find(ctx, id, locked, room)
}

func (b *direct) create(ctx context.Context, id sid.ID, first *record.Record) (handle, *record.Record, error) {
	h := b.at(id, "")
	rec, err := h.access.Create(ctx, first)
	return h, rec, err
}

func (b *direct) remains(id sid.ID) handle { return b.at(id, id.Node) }

// at returns the handle of a session. node is the id of the node that is asked first; empty: none.
func (b *direct) at(id sid.ID, node string) *stored {
	return &stored{backend: b, access: b.store.Open(id.Token, node), token: id.Token, route: id.Route}
}

func (b *direct) peek(ctx context.Context, id sid.ID) (rec *record.Record, node string, err error) {
	access := b.store.Open(id.Token, id.Node)
	rec, err = access.Load(ctx)
	return rec, access.Home(), err
}

func (b *direct) touch(sid.ID) bool { return false }

// stored is the handle of a session that is read from its nodes and written there.
type stored struct {
	backend      *direct
	access       *replica.Access
	token, route string
}

func (h *stored) id() sid.ID { return sid.ID{Token: h.token, Node: h.access.Home(), Route: h.route} }

func (h *stored) moved() bool { return h.access.Moved() }

func (h *stored) commit(ctx context.Context, d *draft) (*record.Record, error) {
	return h.write(ctx, func(rec *record.Record) error {
		rec.LastAccess = time.Now()
		if rec.SameAs(d.base) {
			rec.TakeValues(d.work)
			return nil
		}
		return d.reapply(rec)
	})
}

func (h *stored) pop(ctx context.Context, _ *record.Record, p *popCall) (*record.Record, error) {
	taken := replica.NewResults[*[]byte](h.access)
	rec, err := h.write(ctx, func(rec *record.Record) error {
		err := p.from(rec)
		taken.Note(p.taken.Load())
		return err
	})
	if err == nil {
		p.taken.Store(taken.Of(rec))
	}
	return rec, err
}

// write changes the stored session. Writes of this instance to one session take turns, so that they do not conflict on
// the node (rule W17).
func (h *stored) write(ctx context.Context, change replica.Change) (*record.Record, error) {
	_, waited, err := h.backend.turns.Acquire(ctx, h.token)
	if err != nil {
		return nil, err
	}
	defer h.backend.turns.Release(h.token, nil)
	if waited { // whoever had the turn has written, so what was loaded is old
		h.access.Forget()
	}
	return h.backend.change(ctx, h.token, h.access, change)
}

func (h *stored) destroy(ctx context.Context) error {
	return h.backend.end(ctx, h.token, h.access)
}

// renew first stores the values under the new id and then destroys the old session: after a failure in between the
// client still has what it had. What other requests have stored in the old session meanwhile is carried over. Of two
// logins at the same time, as with a double click, both count, each with a session of its own (rules E9 and E11).
func (h *stored) renew(ctx context.Context, r renewal) (handle, *record.Record, error) {
	next := h.backend.at(r.id, "")
	rec, err := next.access.Create(ctx, h.backend.successor(r.work, r.login))
	if err != nil {
		return nil, nil, gone(err)
	}
	copied := r.base // whose values the new session has
	err = h.access.Renewed(ctx, func(last *record.Record) error {
		if last.SameAs(copied) {
			return nil
		}
		copied = last.Clone()
		carried, err := next.carryOver(ctx, r, last.Draft())
		if err == nil {
			rec = carried
		}
		return err
	})
	if err != nil && !errors.Is(err, replica.ErrRenewed) {
		return nil, nil, errors.Join(gone(err), h.backend.store.Open(r.id.Token, next.access.Home()).Destroy(ctx, nil))
	}
	return next, rec, nil
}

// carryOver stores in the new session what another request has stored in the old one (last), with this request's
// changes.
func (h *stored) carryOver(ctx context.Context, r renewal, last *record.Record) (*record.Record, error) {
	if err := r.reapply(last); err != nil {
		return nil, err
	}
	return h.access.Write(ctx, func(rec *record.Record) error {
		rec.TakeValues(last)
		return nil
	})
}

func (h *stored) reload(ctx context.Context, _ bool, _ *handles) (handle, *record.Record, error) {
	h.access.Forget()
	rec, err := h.access.Load(ctx)
	return h, rec, err
}

func (h *stored) used(rec *record.Record) {
	b := h.backend
	b.refreshes.Put(h.token, replica.RefreshDue(rec))
	if !b.refreshes.Ahead(h.token) {
		b.background.Refresh(h.id())
	}
}

// cookieDue goes by the record, which says when the cookie was set. Until that is stored, this instance remembers it.
func (h *stored) cookieDue(rec *record.Record, every time.Duration) bool {
	now := time.Now()
	if now.Before(rec.CookieAt.Add(every)) || !h.backend.cookies.Pass(h.token, now.Add(every)) {
		return false
	}
	h.backend.noteCookie(h.id(), now)
	return true
}

// noteCookie stores, in the background, that the client has got its cookie, and with it that the session was used.
func (b *direct) noteCookie(id sid.ID, at time.Time) {
	b.background.Add(id, func(ctx context.Context, access *replica.Access, _ sid.ID) error {
		rec, err := access.Write(ctx, func(rec *record.Record) error {
			rec.CookieAt, rec.LastAccess = at, b.store.Clock()
			return nil
		})
		if err == nil {
			b.refreshes.Put(id.Token, replica.RefreshDue(rec))
		}
		return err
	})
}

func (h *stored) hold(locked *lock.SessionLock) {
	if locked != nil {
		h.access.Under(locked.Lock)
	}
}

func (h *stored) scheduleRepair() {
	if h.access.NeedsHeal() {
		h.backend.background.Heal(h.id())
	}
}
