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
	// rememberedLists bounds what an instance remembers of principals, in each of two generations.
	rememberedLists = 1 << 15
)

// principals keeps the lists of who is logged in where (rules P). A list is a value on nodes, with copies like a session.
// It is safe for concurrent use.
type principals struct {
	*values
	backend   backend
	watches   *watches                               // are told of sessions that are ended here
	refreshes *recent.Times                          // see remembered
	verdicts  *recent.Map[string, principal.Verdict] // by principal
	due       *recent.Times                          // when a principal's list is to be read again
	tidied    *recent.Times                          // when dead sessions may be looked for again
	rewrite   time.Duration                          // a list in use is stored again after that: its encryption key may have changed
	maxSize   int                                    // of a list, in bytes
	limit     int                                    // see Config.PrincipalLimit
	refuses   bool
	sticky    bool
}

func newPrincipals(v *values, b backend, refreshes *recent.Times, c *Config) *principals {
	return &principals{
		values: v, backend: b, refreshes: refreshes,
		verdicts: recent.NewMap[string, principal.Verdict](rememberedLists, strings.Clone),
		due:      recent.NewTimes(rememberedLists), tidied: recent.NewTimes(rememberedLists),
		rewrite: c.IdleTimeout, maxSize: c.MaxSessionSize / 2, limit: c.PrincipalLimit, refuses: c.PrincipalLimitRefuses, sticky: c.Sticky,
	}
}

// peek returns a session's record and the node that it is read from, as backend.peek does, unless the session is over
// although the nodes have it (rule P4).
func (p *principals) peek(ctx context.Context, id sid.ID) (rec *record.Record, node string, err error) {
	rec, node, err = p.backend.peek(ctx, id)
	if err == nil && p.isOver(ctx, id, rec) {
		return nil, "", replica.ErrNoSession
	}
	return rec, node, err
}

// isOver reports whether the session was ended although the nodes have it, because DestroyAll did not find it in the list
// (rule P4). It reads the list if that is due. If the nodes cannot tell, what they said last counts. A session that the list
// lacks comes into it again (rule P5).
func (p *principals) isOver(ctx context.Context, id sid.ID, rec *record.Record) bool {
	login := &rec.Login
	if login.Principal == "" {
		return false
	}
	if p.due.Pass(login.Principal, time.Now().Add(checkEvery)) || !p.verdicts.Has(login.Principal) {
		p.check(context.WithoutCancel(ctx), id, rec)
	}
	verdict := p.verdicts.Get(login.Principal)
	if !verdict.Lives(login.Handle, login.Number) {
		return true
	}
	if verdict.Lacks(login.Handle) {
		p.comeBack(id, rec, false)
	}
	return false
}

// check reads the list of the session's principal. It is stored again if it would end before the session, or if that is due.
func (p *principals) check(ctx context.Context, id sid.ID, rec *record.Record) {
	list, stored, err := p.load(ctx, rec.Login.Principal)
	if err != nil { // the verdict stays, and one that has never been is the zero value from now on
		p.verdicts.Update(rec.Login.Principal, func(v principal.Verdict) (principal.Verdict, bool) { return v, true })
		return
	}
	p.verdicts.Put(rec.Login.Principal, list.Verdict())
	if stored != nil && (stored.Idle() < rec.Idle() || time.Since(stored.LastAccess) > p.rewrite) {
		p.comeBack(id, rec, true)
	}
}

// comeBack puts a session into the list, in the background, if the list lacks it. With again the list is stored in any case.
func (p *principals) comeBack(id sid.ID, rec *record.Record, again bool) {
	entry := entryOf(id, rec)
	p.inBackground(rec.Login.Principal, rec.Idle(), func(l *principal.List) (changed bool) { return l.Return(entry) || again })
}

// entryOf returns the entry of a session that has logged in before.
func entryOf(id sid.ID, rec *record.Record) principal.Session {
	return principal.Session{
		Handle: rec.Login.Handle, Number: rec.Login.Number, Key: keyOf(id.Token), Node: strings.Clone(id.Node), Route: strings.Clone(id.Route),
		Created: rec.Created, Login: rec.Login.At,
	}
}

// keyOf returns what a list knows of a session's token.
func keyOf(token string) []byte {
	h := sid.HashOf(token)
	return h[:]
}

// load returns the principal's list, and its record; if there is none the list is empty and the record nil. Reading a list
// is a use.
func (p *principals) load(ctx context.Context, name string) (list principal.List, stored *record.Record, err error) {
	at := p.enter(sid.Principal(name))
	defer at.leave()
	stored, err = at.Load(ctx)
	if errors.Is(err, replica.ErrNoSession) {
		return list, nil, nil
	}
	if err != nil {
		return list, nil, err
	}
	if p.refreshes.Put(at.token, replica.RefreshDue(stored)); !p.refreshes.Ahead(at.token) {
		p.background.Refresh(at.id())
	}
	return listIn(stored), stored, nil
}

// inBackground changes the principal's list in the background. If that has other work waiting it is left out: it was not
// asked for, and will come up again.
func (p *principals) inBackground(name string, idle time.Duration, do func(l *principal.List) (changed bool)) {
	name = strings.Clone(name)
	p.background.Add(p.place(sid.Principal(name)), func(ctx context.Context, access *replica.Access, _ sid.ID) error {
		return p.storeChanged(ctx, access, name, idle, do)
	})
}

// errUnchanged ends a change of a list that has nothing to change. It is no failure.
var errUnchanged = errors.New("nothing to change")

// storeChanged is storeList for a change that may have nothing to change.
func (p *principals) storeChanged(ctx context.Context, access *replica.Access, name string, idle time.Duration, do func(l *principal.List) (changed bool)) error {
	_, err := storeList(ctx, p, access, name, idle, func(l *principal.List) (none struct{}, err error) {
		if !do(l) {
			err = errUnchanged
		}
		return none, err
	})
	return err
}

// changeList changes the principal's list, which then lasts at least as long as idle. If do returns an error, nothing changes.
// do may be called more than once; what it has returned for the list that is stored is returned. A list that is sealed with
// a key which is not in use any more counts as lost: a login must not fail by it (rule P5).
func changeList[T any](ctx context.Context, p *principals, name string, idle time.Duration, do func(l *principal.List) (T, error)) (result T, err error) {
	err = p.overwrite(ctx, sid.Principal(name), func(ctx context.Context, at *entrance) error {
		result, err = storeList(ctx, p, at.Access, name, idle, do)
		if !errors.Is(err, replica.ErrNoKey) {
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
func storeList[T any](ctx context.Context, p *principals, access *replica.Access, name string, idle time.Duration, do func(l *principal.List) (T, error)) (none T, err error) {
	var seen principal.List
	results := replica.NewResults[T](access)
	rec, err := access.Put(ctx, func(rec *record.Record) error {
		seen = listIn(rec)
		result, err := do(&seen)
		if err != nil {
			return err
		}
		results.Note(result)
		return p.into(rec, &seen, idle)
	})
	switch {
	case errors.Is(err, errUnchanged):
		p.verdicts.Put(name, seen.Verdict())
		return none, nil
	case err != nil:
		return none, err
	}
	list := listIn(rec)
	p.verdicts.Put(name, list.Verdict())
	return results.Of(rec), nil
}

// listAttribute is the attribute of a record that holds a list.
const listAttribute = "sessions"

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
	rec.Tombstone, rec.LastAccess, rec.IdleTimeout, rec.Deadline = false, now, max(rec.IdleTimeout, idle), time.Time{}
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
