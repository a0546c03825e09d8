package msm

import (
	"fmt"
	"time"
)

// untilClosed is the record.Persist of a session whose cookie ends with the browser, whatever Config.Cookie says.
const untilClosed = -1

// Persist lets the visitor be away for d, even with the browser closed in between ("remember me"). The cookie gets that
// life in place of Config.Cookie.MaxAge, and the session an idle timeout of d, if its own is not longer. The idle
// timeout begins anew with every request, the cookie's life with those that look at the session, at most once in every
// tenth of d. Config.AbsoluteTimeout ends the session nevertheless. Renew keeps the setting, and Destroy ends it.
//
// Zero is the opposite: the cookie ends with the browser, whatever Config.Cookie says, and the session's idle timeout
// counts.
//
// It is an error if d is neither zero nor at least one second, or if the response has begun (ErrCommitted), when no
// cookie can be sent. Err returns it, and the commit fails with it.
func (s *Session) Persist(d time.Duration) {
	s.enter()
	defer s.mu.Unlock()
	switch {
	case d != 0 && d < time.Second:
		s.fail(fmt.Errorf("msm: Persist: %v must be at least 1s, or 0 for a cookie that ends when the browser is closed", d))
	case s.visit.tooLate() != nil:
		s.fail(s.visit.tooLate())
	case !s.writable():
	case d == 0:
		s.apply(change{kind: setPersist, idle: untilClosed})
	default:
		s.apply(change{kind: setPersist, idle: d})
	}
}
