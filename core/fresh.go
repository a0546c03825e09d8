package msm

import (
	"fmt"
	"time"
)

// AuthenticatedAt returns when a login gave the session its present id: the time of the last Renew. Renew belongs to every
// login, and to each time that the visitor proves again who he is. It is zero if the session began without one, if there
// is none, or if it could not be loaded.
func (s *Session) AuthenticatedAt() time.Time {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil {
		return time.Time{}
	}
	return s.authenticatedAt()
}

// authenticatedAt is AuthenticatedAt once the session is loaded.
func (s *Session) authenticatedAt() time.Time {
	switch {
	case s.ends.renews:
		return time.Now()
	case s.draft.base == nil:
		return time.Time{}
	}
	return s.draft.base.Login.At
}

// RequireFresh returns nil if the visitor has logged in within d, before now, and otherwise an error that wraps ErrNotFresh:
// ask for the password again, and call Renew, before he changes it, pays, or sees what others should not (OWASP ASVS 7.5.1
// and 7.5.3). It returns the error of the session if that could not be loaded.
func (s *Session) RequireFresh(d time.Duration) error {
	s.enter()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return err
	}
	at := s.authenticatedAt()
	switch age := time.Since(at); {
	case at.IsZero():
		return fmt.Errorf("%w: the session has no login", ErrNotFresh)
	case age > d:
		return fmt.Errorf("%w: it was %v ago", ErrNotFresh, age.Round(time.Second))
	}
	return nil
}
