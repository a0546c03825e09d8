package local

import (
	"context"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// Ready returns the session that a request's id names if memory may answer for it at once. If it returns nil, Hold has to
// be asked. A use is recorded whenever the session is here.
func (st *Store) Ready(id sid.ID) *Session {
	s, todo := st.lookup(id)
	if todo != ready {
		return nil
	}
	return s
}

// Hold returns the session that a request's id names. It loads the session first if it is not in memory, or takes it
// over if the id names another instance, which has served it since. If the id names another node than memory does,
// either the id is old, or an old id has brought a stale session into memory: Hold looks at the id's node (rules L1, L2
// and L4). Of parallel calls for one session each may load it; so the caller has them wait for each other.
//
// Hold returns the errors of replica.Access.Load and replica.Access.Write.
func (st *Store) Hold(ctx context.Context, id sid.ID) (*Session, error) {
	s, todo := st.lookup(id)
	if todo == mustCompare {
		if todo = mustTakeOver; !st.behind(ctx, s, id.Node) {
			todo = st.self.step(id, true, id.Node, st.doubtful(s, time.Now())) // as if the id named the right node
		}
	}
	switch todo {
	case mustLoad:
		return st.load(ctx, id.Token, id.Node)
	case mustTakeOver:
		return st.takeOver(ctx, id.Token, id.Node, id.Route)
	case mustConfirm:
		return st.confirm(ctx, s)
	}
	return s, nil
}

// lookup returns the session if it is in memory, and what has to be done before a request may use it. It records a use
// only if the id names this instance: a takeover does so itself.
func (st *Store) lookup(id sid.ID) (s *Session, todo step) {
	if id.Route == st.Route {
		s = st.Get(id.Token)
	}
	if s == nil {
		return nil, st.self.step(id, false, "", false)
	}
	_, node := s.View()
	return s, st.self.step(id, true, node, st.doubtful(s, time.Now()))
}

// doubtful reports whether another instance may have ended the session, or taken it over, without this instance having
// heard of it (rule L3). It is false while no node is available, because nobody can be asked then.
func (st *Store) doubtful(s *Session, now time.Time) bool {
	return st.hearing.doubts(s.confirmed.Load(), now) && st.Replica.Cluster.Available()
}

// behind reports whether a look at the copies that begins at that node finds something newer than what is in memory.
func (st *Store) behind(ctx context.Context, s *Session, node string) bool {
	rec, err := st.Replica.Open(s.token, node).Peek(ctx) // Load would repair copies, and then find its own write
	s.mu.Lock()
	defer s.mu.Unlock()
	return err == nil && s.stored.Rank().Before(rec.Rank())
}

// PeekServed returns the session if the id names this instance and the session is in memory. It records no use.
func (st *Store) PeekServed(id sid.ID) *Session {
	if id.Route != st.Route {
		return nil
	}
	return st.Peek(id.Token)
}

// HoldServed is Hold for a caller that is not a request of the visitor. It takes nothing over and records no use
// (rule M10): if another instance serves the session, HoldServed returns no session but the access to it and its
// record. It returns the errors of replica.Access.Load.
func (st *Store) HoldServed(ctx context.Context, id sid.ID) (*Session, *replica.Access, *record.Record, error) {
	access := st.Replica.Open(id.Token, id.Node)
	rec, err := access.Load(ctx)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case st.self.isOther(rec.Route):
		return nil, access, rec, nil
	}
	s := st.Peek(id.Token)
	if s == nil {
		s, err = st.enter(id.Token, access, rec)
	}
	return s, nil, nil, err
}

// load brings a session into memory that only nodes have. If the stored record does not name this instance as the one
// that serves it, load takes it over, also if it names none: an instance that ends the session has to know whom to tell.
// It returns the errors of replica.Access.Load and of takeOver.
func (st *Store) load(ctx context.Context, token, node string) (*Session, error) {
	access := st.Replica.Open(token, node)
	rec, err := access.Load(ctx)
	if err != nil {
		return nil, err
	}
	if !st.self.serves(rec) {
		return st.takeOver(ctx, token, access.Home(), rec.Route)
	}
	return st.keep(loaded(token, access, rec), access)
}

// confirm compares a doubtful session with what is stored. If that is something else, confirm takes it over. With no
// node available the session stays as it is. It returns the errors of takeOver.
func (st *Store) confirm(ctx context.Context, s *Session) (*Session, error) {
	_, node := st.Rehome(s)
	found, err := st.takeOver(ctx, s.token, node, st.Route)
	if errors.Is(err, replica.ErrUnavailable) && !st.Replica.Cluster.Available() {
		return s, nil
	}
	return found, err
}
