package msm

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// accounts is two instances, at which people log in, in fake time.
type accounts struct {
	t    *testing.T
	w    *world
	a, b *Manager
}

// withAccounts runs a test in each mode, in plain and sealed.
func withAccounts(t *testing.T, config Config, test func(p *accounts)) {
	for name, keys := range map[string][][]byte{"plain": nil, "sealed": {signingKey("k")}} {
		t.Run(name, func(t *testing.T) {
			inModes(t, func(t *testing.T, w *world, mode Config) {
				config := config
				config.Sticky, config.BackupSync, config.EncryptionKeys = mode.Sticky, mode.BackupSync, keys
				p := &accounts{t: t, w: w, a: w.routed(config, "a"), b: w.routed(config, "b")}
				time.Sleep(time.Second)
				test(p)
			})
		})
	}
}

// logIn logs a visitor in as somebody, who comes from there.
func (p *accounts) logIn(v *visitor, m *Manager, who, from string) {
	p.t.Helper()
	w := v.request(m, "POST", func(s *Session) {
		s.SetDevice(from, "browser of "+from)
		if err := s.SetPrincipal(who); err != nil {
			p.t.Error(err)
		}
	})
	if w.Code != http.StatusOK {
		p.t.Errorf("login as %s: %d", who, w.Code)
	}
}

// user returns a visitor who has logged in.
func (p *accounts) user(m *Manager, who, from string) *visitor {
	p.t.Helper()
	v := &visitor{}
	p.logIn(v, m, who, from)
	return v
}

// is checks who the visitor is, at an instance; empty: nobody.
func (p *accounts) is(v *visitor, m *Manager, want string) {
	p.t.Helper()
	before := *v
	v.request(m, "GET", func(s *Session) {
		if got := s.Principal(); got != want || (s.Handle() == "") != (want == "") || s.Err() != nil {
			p.t.Errorf("at %s he is %q, %q, %v; want %q", m.config.Route, got, s.Handle(), s.Err(), want)
		}
	})
	if want == "" { // the next request has the cookie of this one
		*v = before
	}
}

// everywhere checks who the visitor is, at both instances, the one that has the session first.
func (p *accounts) everywhere(v *visitor, want string) {
	p.t.Helper()
	p.is(v, p.a, want)
	p.is(v, p.b, want)
}

// handle returns the session's handle.
func (p *accounts) handle(v *visitor, m *Manager) (h string) {
	p.t.Helper()
	v.request(m, "GET", func(s *Session) { h = s.Handle() })
	if h == "" {
		p.t.Error("no handle")
	}
	return h
}

// sessions returns what an instance knows of somebody's sessions.
func (p *accounts) sessions(m *Manager, who string) []SessionInfo {
	p.t.Helper()
	list, err := m.Sessions(p.t.Context(), who)
	if err != nil {
		p.t.Error(err)
	}
	return list
}

// addresses returns from where somebody is logged in, the last used first.
func (p *accounts) addresses(m *Manager, who string) (list []string) {
	p.t.Helper()
	for _, s := range p.sessions(m, who) {
		list = append(list, s.Address)
	}
	return list
}

// stream opens the visitor's session at instance a, and watches it.
func (p *accounts) stream(v *visitor) (s *Session, ctx context.Context, stop context.CancelFunc) {
	p.t.Helper()
	s, err := p.a.Open(p.t.Context(), v.id)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop = s.Watch(p.t.Context())
	return s, ctx, stop
}

func (p *accounts) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Error(err)
	}
}

// loseList makes every node lose somebody's list.
func (p *accounts) loseList(who string) {
	for _, s := range p.w.servers {
		s.Evict(listKey(who))
	}
}

func listKey(who string) string { return sid.Key("msm:", sid.Record, sid.Principal(who)) }
