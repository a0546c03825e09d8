package msm

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/principal"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

const (
	// checkEvery is how often the list of a principal whose sessions are in use is read: so long a session that the list
	// does not have may outlive DestroyAll.
	checkEvery = 5 * time.Second
	// endFor is how long a list says which sessions are over. Cookies do not last longer (RFC 6265bis, 5.5).
	endFor = 400 * 24 * time.Hour
	// principalLimit bounds what an instance remembers of principals, in each of two generations.
	principalLimit = 1 << 15
	// enterTries is how often a login tries to get below the limit, while others log in as well.
	enterTries = 8
)

// listAttribute is the attribute of a record that holds a list.
const listAttribute = "sessions"

// principals keeps the lists of who is logged in where (rules P). A list is a value on two nodes, like a session. It is
// safe for concurrent use.
type principals struct {
	*values
	backend   backend
	refreshes *recent.Times                          // see remembered
	verdicts  *recent.Map[string, principal.Verdict] // by principal
	due       *recent.Times                          // when a principal's list is to be read again
	maxSize   int                                    // of a list, in bytes
	limit     int                                    // see Config.PrincipalLimit
	refuses   bool
	sticky    bool
}

func newPrincipals(v *values, b backend, refreshes *recent.Times, c *Config) *principals {
	return &principals{
		values: v, backend: b, refreshes: refreshes,
		verdicts: recent.NewMap[string, principal.Verdict](principalLimit, strings.Clone), due: recent.NewTimes(principalLimit),
		maxSize: c.MaxSessionSize / 2, limit: c.PrincipalLimit, refuses: c.PrincipalLimitRefuses, sticky: c.Sticky,
	}
}

// peek returns a session's record and the node that it is read from, as backend.peek does, unless the session is over
// although the nodes have it (rule P4).
func (p *principals) peek(ctx context.Context, id sid.ID) (rec *record.Record, node string, err error) {
	rec, node, err = p.backend.peek(ctx, id)
	if err == nil && p.over(ctx, id, rec) {
		return nil, "", replica.ErrNoSession
	}
	return rec, node, err
}

// over reports whether the session was ended although the nodes have it, because DestroyAll did not find it in the list
// (rule P4). It reads the list if that is due. If the nodes cannot tell, what they said last counts.
func (p *principals) over(ctx context.Context, id sid.ID, rec *record.Record) bool {
	login := &rec.Login
	if login.Principal == "" {
		return false
	}
	if p.due.Pass(login.Principal, time.Now().Add(checkEvery)) || !p.verdicts.Has(login.Principal) {
		p.check(context.WithoutCancel(ctx), id, rec)
	}
	return !p.verdicts.Get(login.Principal).Lives(login.Handle, login.Number)
}

// check reads the list of the session's principal. If that has lost the session, it gets it back (rule P5).
func (p *principals) check(ctx context.Context, id sid.ID, rec *record.Record) {
	login := &rec.Login
	list, lasts, err := p.load(ctx, login.Principal)
	if err != nil {
		p.verdicts.Update(login.Principal, func(v principal.Verdict) (principal.Verdict, bool) { return v, true })
		return
	}
	verdict := list.Verdict()
	p.verdicts.Put(login.Principal, verdict)
	lacks := !list.Has(login.Handle) && !list.Full() || lasts < rec.Idle()
	if lacks && verdict.Lives(login.Handle, login.Number) {
		p.comeBack(id, rec)
	}
}

// comeBack puts a session into the list again, in the background.
func (p *principals) comeBack(id sid.ID, rec *record.Record) {
	name, idle := rec.Login.Principal, rec.Idle()
	entry := principal.Session{
		Handle: rec.Login.Handle, Number: rec.Login.Number, Key: keyOf(id.Token), Node: strings.Clone(id.Node), Route: strings.Clone(id.Route),
		Created: rec.Created, Login: rec.Login.At,
	}
	at := p.enter(sid.Principal(name))
	p.background.Add(at.id(), func(ctx context.Context, access *replica.Access, _ sid.ID) error {
		_, err := storeList(ctx, p, access, name, idle, func(l *principal.List) (bool, error) { return l.Return(entry), nil })
		return err
	})
}

// load returns the principal's list, and how long it lasts unused; the list is empty if there is none. Reading it is a use.
func (p *principals) load(ctx context.Context, name string) (list principal.List, lasts time.Duration, err error) {
	at := p.enter(sid.Principal(name))
	defer at.leave()
	rec, err := at.Load(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		return list, 0, nil
	}
	if err != nil {
		return list, 0, err
	}
	if p.refreshes.Put(at.token, replica.RefreshDue(rec)); !p.refreshes.Ahead(at.token) {
		p.background.Refresh(at.id())
	}
	return listIn(rec), rec.Idle(), nil
}

// changeList changes the principal's list, which then lasts at least as long as idle. If do returns an error, nothing changes.
// do may be called more than once; what it has returned for the list that is stored is returned. A list that cannot be read,
// because its key is not in use any more, counts as lost: a login must not fail by it.
func changeList[T any](ctx context.Context, p *principals, name string, idle time.Duration, do func(l *principal.List) (T, error)) (result T, err error) {
	err = p.overwrite(ctx, sid.Principal(name), func(ctx context.Context, at *entrance) error {
		result, err = storeList(ctx, p, at.Access, name, idle, do)
		if !errors.Is(err, ErrUnreadable) {
			return err
		}
		if err = at.Destroy(ctx, nil); err != nil && !errors.Is(err, replica.ErrNoSession) {
			return err
		}
		result, err = storeList(ctx, p, p.enter(at.token).Access, name, idle, do)
		return err
	})
	return result, err
}

// storeList is changeList for a caller that has the access to the list.
func storeList[T any](ctx context.Context, p *principals, access *replica.Access, name string, idle time.Duration, do func(l *principal.List) (T, error)) (T, error) {
	results := replica.NewResults[T](access)
	rec, err := access.Put(ctx, func(rec *record.Record) error {
		list := listIn(rec)
		result, err := do(&list)
		if err != nil {
			return err
		}
		results.Note(result)
		return p.into(rec, &list, idle)
	})
	if err != nil {
		var none T
		return none, err
	}
	list := listIn(rec)
	p.verdicts.Put(name, list.Verdict())
	p.due.Put(name, time.Now().Add(checkEvery))
	return results.Of(rec), nil
}

// into makes a record that of a list. A list lasts as long as the longest of its sessions may; one that says which sessions
// are over lasts as long as any session.
func (p *principals) into(rec *record.Record, list *principal.List, idle time.Duration) error {
	value, err := list.Encode(p.maxSize)
	if err != nil {
		return err
	}
	now := time.Now()
	if rec.Created.IsZero() {
		rec.Created = now
	}
	if list.Over > 0 {
		idle = max(idle, endFor)
	}
	rec.Tombstone, rec.LastAccess, rec.IdleTimeout = false, now, max(rec.IdleTimeout, idle)
	rec.Attributes = []record.Attribute{{Name: listAttribute, Value: value}}
	return nil
}

// listIn returns the list in a record. One that has expired, or is damaged, counts as lost.
func listIn(rec *record.Record) principal.List {
	value, ok := rec.Get(listAttribute)
	if !ok || rec.Expired(time.Now()) {
		return principal.List{}
	}
	list, err := principal.Decode(value)
	if err != nil {
		return principal.List{}
	}
	return list
}

// keyOf returns what a list knows of a session's token.
func keyOf(token string) []byte {
	h := sid.HashOf(token)
	return h[:]
}
