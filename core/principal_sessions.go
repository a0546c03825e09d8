package msm

import (
	"context"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/principal"
)

// SessionInfo is what Manager.Sessions knows of a session.
type SessionInfo struct {
	Handle   string    // its name for DestroySession and DestroyAll; it is no id and gives no access
	Created  time.Time // when the session began
	Login    time.Time // the last Renew
	LastSeen time.Time // exact to a twentieth of the idle timeout; of a sealed session a repair counts, too; zero: the nodes cannot tell
	Address  string    // as Session.SetDevice was told, at the login
	Agent    string
	Current  bool // it is the session of the request that the context belongs to
}

// Sessions returns the sessions of a principal, as SetPrincipal was told, the one that was used last first: 100 at most,
// those with the last logins. An instance needs no session of that principal for it. Sessions that have ended are not
// among them; one that has just logged in is, even if it is not stored yet. The error is ErrUnavailable, ErrUnreadable if
// the list is sealed with a key that is not here, ErrClosed, or that of ctx.
func (m *Manager) Sessions(ctx context.Context, name string) (list []SessionInfo, err error) {
	defer func() { m.refusals.add(ctx, err) }()
	if err := m.values.ready(ctx); err != nil {
		return nil, err
	}
	stored, _, err := m.principals.load(ctx, name)
	if err != nil {
		return nil, err
	}
	current := ""
	if s := m.fromOrNil(ctx); s != nil {
		current = s.Handle()
	}
	living, gone := m.principals.look(ctx, stored.Sessions)
	for _, s := range living {
		list = append(list, SessionInfo{s.Handle, s.Created, s.Login, s.used, s.Address, s.Agent, s.Handle == current})
	}
	slices.SortStableFunc(list, func(a, b SessionInfo) int { return b.LastSeen.Compare(a.LastSeen) })
	if len(gone) > 0 {
		m.principals.forget(name, gone)
	}
	return list, nil
}

// DestroySession ends one session of a principal, by its handle, as Session.Destroy does. If it is that of the request to
// which ctx belongs, Destroy is called there. It returns ErrGone if the principal's list has no such session (any more),
// ErrUnavailable, ErrConflict, ErrUnreadable, ErrClosed, or the error of ctx.
func (m *Manager) DestroySession(ctx context.Context, name, handle string) (err error) {
	defer func() { m.refusals.add(ctx, err) }()
	if err := m.values.ready(ctx); err != nil {
		return err
	}
	list, _, err := m.principals.load(ctx, name)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list.Sessions, func(s principal.Session) bool { return s.Handle == handle })
	if at < 0 {
		return ErrGone
	}
	if err := m.principals.end(context.WithoutCancel(ctx), list.Sessions[at]); err != nil {
		return err
	}
	m.principals.forget(name, list.Sessions[at:at+1])
	if s := m.fromOrNil(ctx); s != nil && s.Handle() == handle {
		s.Destroy()
	}
	return nil
}

// DestroyAll ends all sessions of a principal, except those with the given handles: for "log out everywhere", or a changed
// password, with Session.Handle as the exception. If the session of the request to which ctx belongs is among those that
// end, Destroy is called there; SetPrincipal may follow, and begins a new one.
//
// It is final. Those in the list end at once. If the list was lost, or is too short, others end at every instance within
// five seconds, and when their nodes are back; so do those with the given handles, if the list has lost them, but for this
// request's own. Logins that come after the call stay. An empty name is nobody's.
//
// The error is ErrUnavailable, ErrConflict, ErrBusy, ErrUnreadable if a newer program has written the list, ErrClosed or
// that of ctx. Then it may have been done all the same.
func (m *Manager) DestroyAll(ctx context.Context, name string, except ...string) (err error) {
	defer func() { m.refusals.add(ctx, err) }()
	if err := m.values.ready(ctx); err != nil || name == "" {
		return err
	}
	request := m.fromOrNil(ctx)
	var own, kept *principal.Session // the entry of the request's session; the same if that is to be kept
	if request != nil {
		own = request.listed(name)
	}
	if own != nil && slices.Contains(except, own.Handle) {
		kept = own
	}
	p := m.principals
	ended, err := changeList(ctx, p, name, m.config.IdleTimeout, func(l *principal.List) ([]principal.Session, error) {
		return l.End(time.Now(), except, kept), nil
	})
	if err != nil {
		return err
	}
	p.endAll(context.WithoutCancel(ctx), ended) // what cannot be ended now is over all the same: see principals.isOver
	if own != nil && kept == nil {
		request.Destroy()
	}
	return nil
}

// fromOrNil is From; nil: the context belongs to no request with a session of this manager.
func (m *Manager) fromOrNil(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{m}).(*Session)
	return s
}

// listed returns the entry of the stored session in that principal's list; nil: it is not his.
func (s *Session) listed(name string) *principal.Session {
	s.enter()
	defer s.mu.Unlock()
	if s.visit.done || s.load() != nil || s.draft.base == nil || s.draft.base.Login.Principal != name {
		return nil
	}
	entry := entryOf(s.currentID(), s.draft.base)
	return &entry
}
