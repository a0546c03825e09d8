package msm

import (
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/sid"
)

// newID returns the id of a new session (rule I4); its node is the one where the session would begin as things are.
func (m *Manager) newID() sid.ID {
	id := m.keys.format().New("", m.config.Route)
	id.Node = m.store.FirstNode(id.Token)
	return id
}

// newRecord returns the record of a session that begins.
func (m *Manager) newRecord() *record.Record {
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: m.config.IdleTimeout, Transcoder: m.coder.Name()}
	if m.config.AbsoluteTimeout > 0 {
		rec.Deadline = now.Add(m.config.AbsoluteTimeout)
	}
	return rec
}

// renewedRecord returns the first record of a renewed session, with the values of the old one. An absolute timeout begins
// anew.
func (m *Manager) renewedRecord(of *record.Record, login record.Login) *record.Record {
	rec := m.newRecord()
	login.At = rec.Created
	rec.Created, rec.Transcoder, rec.Login = of.Created, of.Transcoder, login
	rec.TakeValues(of)
	return m.withCookie(rec)
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

// withCookie notes in the record of a session that begins that the client gets its cookie now, and returns the record.
func (m *Manager) withCookie(rec *record.Record) *record.Record {
	rec.CookieAt = time.Time{}
	if m.cookieLife(rec) > 0 {
		rec.CookieAt = rec.LastAccess
	}
	return rec
}
