package local

import (
	"strings"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// enter brings a session into memory that access has loaded, and that no other instance serves. It records no use. It
// returns ErrFull.
func (st *Store) enter(token string, access *replica.Access, rec *record.Record) (*Session, error) {
	s := loaded(token, access, rec)
	s.used.Store(rec.LastAccess.UnixNano())
	return s, st.admit(s, access)
}

// loaded returns a session of what access has found. It copies the strings: they are parts of a request's Cookie
// header, which must not be kept in memory for them.
func loaded(token string, access *replica.Access, rec *record.Record) *Session {
	s := newSession(strings.Clone(token), strings.Clone(access.Home()), rec)
	s.short = access.Short()
	return s
}

// admit inserts a loaded session, and has its copies repaired if they need it.
func (st *Store) admit(s *Session, access *replica.Access) error {
	err := st.cache.insert(s)
	if err == nil && access.NeedsHeal() {
		st.saveSoon(s)
	}
	return err
}
