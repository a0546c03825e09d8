package local

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
)

// takeOver brings a session into memory that another instance has served. The arguments token, node and route are those
// of the id in the request. What is in memory, if anything, is not the truth any more. takeOver stores a new version at
// once. So the other instance, if it still runs and has changes, learns of the takeover. takeOver returns the errors of
// replica.Access.Write.
//
// The id may also be older than a takeover by this instance: its request was sent beside the one that took the session
// over, or the client keeps the first id that it got. A look at the nodes shows that, and then there is nothing to take
// over.
func (st *Store) takeOver(ctx context.Context, token, node, route string) (*Session, error) {
	s, t, err := st.becomeOwner(ctx, token, node, route == st.Route)
	if err != nil {
		return nil, err
	}
	if t.needed {
		st.noteTakeover(s, strings.Clone(t.former), strings.Clone(route))
	}
	return s, nil
}

// takeover is the outcome of a takeover.
type takeover struct {
	needed bool   // false: this instance served the session already
	former string // the route of the instance that the stored record named
}

// becomeOwner is takeOver without the message to the other instance (rule L5). own: the id names this instance.
func (st *Store) becomeOwner(ctx context.Context, token, node string, own bool) (s *Session, t takeover, err error) {
	if s := st.Get(token); s != nil {
		if t, err = st.takeOverHere(ctx, s, node, own); !errors.Is(err, ErrRemoved) {
			return s, t, err
		}
	}
	former := ""
	mine := func(rec *record.Record) error {
		former, rec.LastAccess = st.self.sign(rec, true), time.Now()
		return nil
	}
	access := st.Replica.Open(token, node)
	rec, err := access.Write(ctx, mine)
	for err == nil && !st.self.serves(rec) { // another instance has met this write half-way, and added its own to it
		rec, err = access.Write(ctx, mine)
	}
	if err != nil {
		return nil, t, err
	}
	s, err = st.keep(loaded(token, access, rec), access)
	return s, takeover{true, former}, err
}

// takeOverHere replaces what is in memory by what is stored, with the changes made to it that are not stored. It does
// nothing if this instance serves the session already.
func (st *Store) takeOverHere(ctx context.Context, s *Session, node string, own bool) (t takeover, err error) {
	if err := s.beginSaving(ctx, st.Wait); err != nil {
		return t, err
	}
	defer s.endSaving()
	if st.verify(ctx, s, node) {
		return t, nil
	}
	s.mu.Lock()
	s.node = strings.Clone(node)
	s.mu.Unlock()
	w := st.begin(s, true)
	if w == nil {
		return t, ErrRemoved
	}
	if own { // nothing says that another instance serves it: if its nodes died, memory is what is left of it
		w.access.Hold(w.usedNow(w.base))
	}
	err = st.run(ctx, w)
	return takeover{true, w.former}, err
}

// verify reports whether nobody else has written the session since this instance's last write, as far as the node knows
// that the request's id names (rule L4). A session that was never stored is known to nobody else. The caller has begun
// saving.
func (st *Store) verify(ctx context.Context, s *Session, node string) bool {
	s.mu.Lock()
	stored, outdated := s.stored, s.owner.elsewhere || s.state.is(removed)
	s.mu.Unlock()
	if outdated || stored.Version == 0 {
		return !outdated
	}
	access := st.Replica.Open(s.token, node)
	rec, err := access.Peek(ctx)
	if err != nil || !st.self.stillServes(rec, stored) {
		return false
	}
	if access.NeedsHeal() {
		st.saveSoon(s)
	}
	s.confirm()
	return true
}

// noteTakeover tells the instance that served the session that its copy is outdated, behind the request's back
// (rule M8). See owner.takenFrom.
func (st *Store) noteTakeover(s *Session, former, named string) {
	st.Takeovers.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner.takenFrom(former, named)
	st.outbox.tell(s, mailbox.Message{Kind: mailbox.Taken, Version: s.stored.Version}, s.owner.previous, named)
}
