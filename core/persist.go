package msm

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// cookieParts is in how many parts a cookie's life is divided: the cookie is set again when one of them is over.
const cookieParts = 10

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
	case s.exchange.tooLate() != nil:
		s.fail(s.exchange.tooLate())
	case !s.writable():
	case d == 0:
		s.do(change{kind: setPersist, idle: untilClosed})
	default:
		s.do(change{kind: setPersist, idle: d})
	}
}

// cookieLife returns how long a client keeps the session's cookie; zero: until the browser is closed.
func (m *Manager) cookieLife(rec *record.Record) time.Duration {
	switch {
	case rec.Persist > 0:
		return rec.Persist
	case rec.Persist < 0:
		return 0
	}
	return time.Duration(m.config.Cookie.MaxAge) * time.Second
}

// maxAge returns a life as the seconds of a cookie's Max-Age.
func maxAge(life time.Duration) int { return int(min(life/time.Second, math.MaxInt32)) }

// withCookie notes in the record of a session that begins that the client gets its cookie now, and returns the record.
func (m *Manager) withCookie(rec *record.Record) *record.Record {
	rec.CookieAt = time.Time{}
	if m.cookieLife(rec) > 0 {
		rec.CookieAt = rec.LastAccess
	}
	return rec
}

// cookieDue reports whether the client has to get its cookie again, so that it does not end while the visitor is here:
// at one request in a tenth of its life, of those to all instances, or if it is to have another life. It is false if
// the session has ended meanwhile: a login beside this request has sent another cookie.
func (x *Exchange) cookieDue() bool {
	s, m := &x.session, x.manager
	life := m.cookieLife(s.base)
	switch {
	case x.speaksByHeader() || m.absent.Ahead(s.id.Token):
		return false
	case life == 0:
		return x.life != 0
	case s.held != nil:
		return s.held.CookieDue(time.Now(), life/cookieParts) || x.life != life
	default:
		return m.cookieDue(s, life/cookieParts) || x.life != life
	}
}

// cookieDue is for sessions that are not in memory. Their record says when the cookie was set, and until it is stored,
// this instance remembers that it was.
func (m *Manager) cookieDue(s *Session, every time.Duration) bool {
	now := time.Now()
	if now.Before(s.base.CookieAt.Add(every)) || !m.cookies.Pass(s.id.Token, now.Add(every)) {
		return false
	}
	m.noteCookie(s.currentID(), now)
	return true
}

// noteCookie stores, in the background, that the client has got its cookie, and with it that the session was used.
func (m *Manager) noteCookie(id sid.ID, at time.Time) {
	m.background.Add(id.Token, id.Node, func(ctx context.Context, access *replica.Access, token string) error {
		rec, err := access.Write(ctx, func(rec *record.Record) error {
			rec.CookieAt, rec.LastAccess = at, m.store.Clock()
			return nil
		})
		if err == nil {
			m.refreshes.Put(token, replica.RefreshDue(rec))
		}
		return err
	})
}
