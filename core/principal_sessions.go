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
// among them; one that has just logged in is, even if it is not stored yet. The error is ErrUnavailable, ErrClosed or that
// of ctx.
func (m *Manager) Sessions(ctx context.Context, name string) (list []SessionInfo, err error) {
	defer func() { m.refusals.add(ctx, err) }()
	if err := m.values.ready(ctx); err != nil {
		return nil, err
	}
	stored, lasts, err := m.principals.load(ctx, name)
	if err != nil {
		return nil, err
	}
	current := ""
	if s, ok := ctx.Value(contextKey{m}).(*Session); ok {
		current = s.Handle()
	}
	var gone []principal.Session
	for _, s := range m.principals.look(ctx, stored.Sessions) {
		if s.over {
			gone = append(gone, s.Session)
			continue
		}
		list = append(list, SessionInfo{s.Handle, s.Created, s.Login, s.used, s.Address, s.Agent, s.Handle == current})
	}
	slices.SortStableFunc(list, func(a, b SessionInfo) int { return b.LastSeen.Compare(a.LastSeen) })
	if len(gone) > 0 {
		m.principals.forget(name, gone, lasts)
	}
	return list, nil
}

// DestroySession ends one session of a principal, by its handle, as Session.Destroy does. It returns ErrGone if the
// principal has no such session (any more), ErrUnavailable, ErrClosed, or the error of ctx.
func (m *Manager) DestroySession(ctx context.Context, name, handle string) (err error) {
	defer func() { m.refusals.add(ctx, err) }()
	if err := m.values.ready(ctx); err != nil {
		return err
	}
	list, lasts, err := m.principals.load(ctx, name)
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
	m.principals.forget(name, list.Sessions[at:at+1], lasts)
	return nil
}

// DestroyAll ends all sessions of a principal, except those with the given handles: for "log out everywhere", or a changed
// password, with Session.Handle as the exception. It is final. Those in the list end at once. If the list was lost, or is
// too short, others end at every instance within five seconds, and when their nodes are back. Logins that come after the
// call stay. If the session of this request is among those that end, call its Destroy as well, which removes the cookie.
//
// The error is ErrUnavailable, ErrConflict, ErrClosed or that of ctx; then some of the sessions may be over.
func (m *Manager) DestroyAll(ctx context.Context, name string, except ...string) (err error) {
	defer func() { m.refusals.add(ctx, err) }()
	if err := m.values.ready(ctx); err != nil {
		return err
	}
	if name == "" { // nobody's
		return nil
	}
	p := m.principals
	ended, err := changeList(ctx, p, name, m.config.IdleTimeout, func(l *principal.List) ([]principal.Session, error) {
		return l.End(time.Now(), except), nil
	})
	if err != nil {
		return err
	}
	each(ended, func(_ int, s principal.Session) {
		_ = p.end(context.WithoutCancel(ctx), s) // what cannot be ended now is over all the same: see principals.over
	})
	return nil
}
