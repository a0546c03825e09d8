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

// cookieParts: a cookie with an end is set again when a tenth of its life has gone.
const cookieParts = 10

// untilClosed as record.Persist has the cookie go with the browser, whatever Config.Cookie says.
const untilClosed = -1

// Persist has the visitor stay for d without a request, also with the browser closed in between: "remember me". The cookie
// gets that life in place of Config.Cookie.MaxAge, and the session idles as long, if its idle timeout is not longer anyway.
// Both begin anew with requests that look at the session, the cookie no oftener than every tenth of d.
// Config.AbsoluteTimeout ends it nevertheless. It goes on after Renew, and ends with Destroy.
//
// Zero is the opposite: the cookie goes with the browser, whatever Config.Cookie says, and the session's idle timeout holds.
//
// Less than a second is an error, as is a call after the response has begun (ErrCommitted), when no cookie can be sent; it
// is kept: Err tells it, and the commit fails with it.
func (s *Session) Persist(d time.Duration) {
	s.enter()
	defer s.mu.Unlock()
	switch {
	case d != 0 && d < time.Second:
		s.fail(fmt.Errorf("msm: Persist: %v must be at least 1s, or 0 for a cookie that goes with the browser", d))
	case s.exchange.tooLate() != nil:
		s.fail(s.exchange.tooLate())
	case !s.writable():
	case d == 0:
		s.do(change{kind: setPersist, idle: untilClosed})
	default:
		s.do(change{kind: setPersist, idle: d})
	}
}

// cookieLife is how long a client keeps the cookie of the session; zero: as long as the browser runs.
func (m *Manager) cookieLife(rec *record.Record) time.Duration {
	switch {
	case rec.Persist > 0:
		return rec.Persist
	case rec.Persist < 0:
		return 0
	}
	return time.Duration(m.config.Cookie.MaxAge) * time.Second
}

// maxAge is a life as a cookie says it.
func maxAge(life time.Duration) int { return int(min(life/time.Second, math.MaxInt32)) }

// withCookie notes that the client gets the cookie of the session that begins.
func (m *Manager) withCookie(rec *record.Record) *record.Record {
	rec.CookieAt = time.Time{}
	if m.cookieLife(rec) > 0 {
		rec.CookieAt = rec.LastAccess
	}
	return rec
}

// cookieDue reports whether the client has to get the cookie that it has again, so that it does not end while its visitor is
// here: one request in a tenth of its life, of those to all instances. Not if the session has ended meanwhile: a login beside
// this request has sent another cookie.
func (x *Exchange) cookieDue() bool {
	s, m := &x.session, x.manager
	life := m.cookieLife(s.base)
	switch {
	case x.speaksByHeader() || m.absent.ahead(s.id.Token):
		return false
	case life == 0:
		return x.life != 0
	case s.held != nil:
		return s.held.CookieDue(time.Now(), life/cookieParts) || x.life != life
	default:
		return m.cookieDue(s, life/cookieParts) || x.life != life
	}
}

// cookieDue is for sessions that no instance holds: the record tells, and until it does, this instance remembers.
func (m *Manager) cookieDue(s *Session, every time.Duration) bool {
	now := time.Now()
	if now.Before(s.base.CookieAt.Add(every)) || !m.cookies.pass(s.id.Token, now.Add(every)) {
		return false
	}
	m.background.noteCookie(s.currentID(), now)
	return true
}

// noteCookie stores that the client has got its cookie, and with it that it was here.
func (b *background) noteCookie(id sid.ID, at time.Time) {
	b.add(job{token: id.Token, node: id.Node, run: func(ctx context.Context, b *background, access *replica.Access, token string) error {
		rec, err := access.Write(ctx, func(rec *record.Record) error {
			rec.CookieAt, rec.LastAccess = at, b.store.Clock()
			return nil
		})
		if err == nil {
			b.due.put(token, replica.RefreshDue(rec))
		}
		return err
	}})
}
