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
	if rec.Route != "" && rec.Route != st.Route {
		return st.TakeOver(ctx, token, access.Home(), rec.Route)
	}
	s := st.loaded(token, access, rec)
	return s, st.admitted(s, access)
}

// TakeOver brings a session into memory that the instance of another route served last: what is here, if anything, is not
// the truth any more. A new version is stored at once, so that the other instance, if it is still there and has changes,
// learns of it.
func (st *Store) TakeOver(ctx context.Context, token, node, route string) (*Session, error) {
	s, former, err := st.takeOver(ctx, token, node)
	if err != nil {
		return nil, err
	}
	st.tookOver(s, strings.Clone(former), strings.Clone(route))
	return s, nil
}

func (st *Store) takeOver(ctx context.Context, token, node string) (s *Session, former string, err error) {
	if s := st.Get(token); s != nil {
		if former, err = s.takeOver(ctx, node); !errors.Is(err, ErrLeft) {
			return s, former, err
		}
	}
	access := st.Replica.Open(token, node)
	access.LeaveFailover()
	rec, err := access.Write(ctx, func(rec *record.Record) error {
		former, rec.Route, rec.LastAccess = rec.Route, st.Route, time.Now()
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	s = st.loaded(token, access, rec)
	return s, former, st.admitted(s, access)
}

// loaded makes a session of what was found. The strings are parts of a request's Cookie header, which must not be kept
// alive for them.
func (st *Store) loaded(token string, access *replica.Access, rec *record.Record) *Session {
	s := st.session(strings.Clone(token), strings.Clone(access.Home()), rec)
	s.short.Store(access.Short())
	return s
}

func (st *Store) admitted(s *Session, access *replica.Access) error {
	err := st.insert(s)
	if err == nil && access.NeedsHeal() {
		s.saveSoon()
	}
	return err
}

// takeOver replaces what is here by what is stored, and makes the changes to it that were not.
func (s *Session) takeOver(ctx context.Context, node string) (former string, err error) {
	s.beginSaving()
	defer s.endSaving()
	s.mu.Lock()
	never := s.stored.Version == 0
	if !never {
		s.node = strings.Clone(node)
	}
	s.mu.Unlock()
	if never { // so nobody else can have it
		return "", nil
	}
	w := s.begin(true)
	if w == nil {
		return "", ErrLeft
	}
	err = s.run(ctx, w)
	return w.former, err
}
