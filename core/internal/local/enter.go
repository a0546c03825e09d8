package local

import (
	"strings"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// enter brings a session into memory that access has loaded, and that no other instance serves. It records no use. It
// returns the error of keep.
func (st *Store) enter(token string, access *replica.Access, rec *record.Record) (*Session, error) {
	s := loaded(token, access, rec)
	s.used.Store(rec.LastAccess.UnixNano())
	return st.keep(s, access)
}

// loaded returns a session of what access has found. It copies the strings: they are parts of a request's Cookie
// header, which must not be kept in memory for them.
func loaded(token string, access *replica.Access, rec *record.Record) *Session {
	s := newSession(strings.Clone(token), strings.Clone(access.Home()), rec)
	s.short = access.Short()
	return s
}

// keep takes a loaded session into memory, has its copies repaired if they need it, and returns it. If this instance has
// heard that the session has ended, what was loaded is an old copy that is about to be overwritten, and keep returns
// replica.ErrNoSession (rule M11).
func (st *Store) keep(s *Session, access *replica.Access) (*Session, error) {
	if st.cache.keep(s); st.over.Has(s.short) {
		st.cache.remove(s)
		return nil, replica.ErrNoSession
	}
	if access.NeedsHeal() {
		st.saveSoon(s)
	}
	return s, nil
}
