package local

import (
	"strings"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// enter brings a session into memory that access has loaded, and that no other instance serves. It records no use.
func (st *Store) enter(token string, access *replica.Access, rec *record.Record) *Session {
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

// keep takes a loaded session into memory, has its copies repaired if they need it, and returns it.
func (st *Store) keep(s *Session, access *replica.Access) *Session {
	st.cache.keep(s)
	if access.NeedsHeal() {
		st.saveSoon(s)
	}
	return s
}
