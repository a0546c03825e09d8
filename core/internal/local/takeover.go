package local

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// Load brings a session into memory that only nodes have. Should another instance have served it since it left, it is taken
// over from that one. It answers what a replica's Load does, or ErrFull.
func (st *Store) Load(ctx context.Context, token, node string) (*Session, error) {
	access := st.Replica.Open(token, node)
	rec, err := access.Load(ctx)
	if err != nil {
		return nil, err
	}
	if rec.Route != st.Route { // also that of none: whoever ends it elsewhere has to know whom to tell
		return st.TakeOver(ctx, token, access.Home(), rec.Route)
	}
	s := st.loaded(token, access, rec)
	return s, st.admitted(s, access)
}

// Enter brings a session into memory that access has loaded, and that no other instance serves. It does not count as a use.
// It answers ErrFull.
func (st *Store) Enter(token string, access *replica.Access, rec *record.Record) (*Session, error) {
	s := st.loaded(token, access, rec)
	s.used.Store(rec.LastAccess.UnixNano())
	return s, st.admitted(s, access)
}

// TakeOver brings a session into memory that the instance of another route served last, by the id that a request came
// with: what is here, if anything, is not the truth any more. A new version is stored at once, so that the other instance,
// if it is still there and has changes, learns of it.
//
// That id may also be one of before an earlier takeover: of a request that was sent beside the one which took the session
// over, or of a client that keeps what it got first. A look at the nodes tells.
func (st *Store) TakeOver(ctx context.Context, token, node, route string) (*Session, error) {
	s, t, err := st.takeOver(ctx, token, node)
	if err != nil {
		return nil, err
	}
	if t.needed {
		st.tookOver(s, strings.Clone(t.former), strings.Clone(route))
	}
	return s, nil
}

// takeover is what came of one.
type takeover struct {
	needed bool
	former string // the route of the instance that the record named
}

func (st *Store) takeOver(ctx context.Context, token, node string) (s *Session, t takeover, err error) {
	if s := st.Get(token); s != nil {
		if t, err = s.takeOver(ctx, node); !errors.Is(err, ErrLeft) {
			return s, t, err
		}
	}
	former := ""
	mine := func(rec *record.Record) error {
		former, rec.Route, rec.LastAccess = rec.Route, st.Route, time.Now()
		return nil
	}
	access := st.Replica.Open(token, node)
	rec, err := access.Write(ctx, mine)
	for err == nil && rec.Route != st.Route { // another instance has met this one's change half-way, and made its own to that
		rec, err = access.Write(ctx, mine)
	}
	if err != nil {
		return nil, t, err
	}
	s = st.loaded(token, access, rec)
	return s, takeover{true, former}, st.admitted(s, access)
}

// loaded makes a session of what was found. The strings are parts of a request's Cookie header, which must not be kept
// alive for them.
func (st *Store) loaded(token string, access *replica.Access, rec *record.Record) *Session {
	s := st.session(strings.Clone(token), strings.Clone(access.Home()), rec)
	s.short = access.Short()
	return s
}

func (st *Store) admitted(s *Session, access *replica.Access) error {
	err := st.insert(s)
	if err == nil && access.NeedsHeal() {
		s.saveSoon()
	}
	return err
}

// takeOver replaces what is here by what is stored, and makes the changes to it that were not, unless it is that already.
func (s *Session) takeOver(ctx context.Context, node string) (t takeover, err error) {
	s.beginSaving()
	defer s.endSaving()
	if s.serves(ctx, node) {
		return t, nil
	}
	s.mu.Lock()
	s.node = strings.Clone(node)
	s.mu.Unlock()
	w := s.begin(true)
	if w == nil {
		return t, ErrLeft
	}
	err = s.run(ctx, w)
	return takeover{true, w.former}, err
}

// serves reports whether nobody but this instance, which has begun saving, has written the session since it did so last, as
// far as the node knows that the request's id names. What was never stored nobody else can have.
func (s *Session) serves(ctx context.Context, node string) bool {
	s.mu.Lock()
	stored, outdated := s.stored, s.told || s.state.Load() == left
	s.mu.Unlock()
	if outdated || stored.Version == 0 {
		return !outdated
	}
	access := s.store.Replica.Open(s.token, node)
	rec, err := access.Peek(ctx)
	if err != nil || rec.Route != s.store.Route || !sameRecord(rec, stored) {
		return false
	}
	if access.NeedsHeal() {
		s.saveSoon()
	}
	s.confirm()
	return true
}
