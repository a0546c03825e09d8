package msm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// deploys plays rolling deploys, in which instances of two configurations run side by side.
type deploys struct {
	t       *testing.T
	w       *world
	stay    time.Duration // how long visitors may stay away
	clients []*regular
}

// regular is a visitor who is logged in and counts the visits.
type regular struct {
	visitor
	name   string
	visits int
}

func (d *deploys) instance(config Config) *Manager {
	config.IdleTimeout = d.stay
	return d.w.routed(config, fmt.Sprintf("i%d", d.w.begun+1))
}

// visit sends a client's request to an instance, where the session must be found.
func (d *deploys) visit(m *Manager, c *regular, f func(s *Session)) {
	d.t.Helper()
	c.visits++
	status := c.request(m, "POST", func(s *Session) {
		if f != nil {
			f(s)
		}
		if n := Update(s, "n", plus(1)); n != c.visits || Get[string](s, "user") != c.name {
			d.t.Errorf("%s: visit %d is %d of %q", c.name, c.visits, n, Get[string](s, "user"))
		}
	}).Code
	if status != http.StatusOK {
		d.t.Errorf("%s: %d", c.name, status)
	}
	time.Sleep(heard)
}

// login begins a session, and renews that of another client.
func (d *deploys) login(when string, m *Manager) {
	d.t.Helper()
	c := &regular{name: when}
	d.clients = append(d.clients, c)
	d.visit(m, c, func(s *Session) { s.Set("user", when) })
	d.visit(m, d.clients[len(d.clients)/2], func(s *Session) {
		if err := s.Renew(); err != nil {
			d.t.Error(err)
		}
	})
}

func (d *deploys) everyone(instances ...*Manager) {
	d.t.Helper()
	for _, c := range d.clients {
		for _, m := range instances {
			d.visit(m, c, nil)
		}
	}
}

// roll replaces an instance by one with the next configuration, after both have run side by side.
func (d *deploys) roll(step string, old *Manager, next Config) *Manager {
	d.t.Helper()
	d.login("before "+step, old)
	m := d.instance(next)
	d.everyone(old, m)
	d.login("at an old instance in "+step, old)
	d.login("at a new instance in "+step, m)
	d.everyone(m, old, m, old)
	if err := old.Close(context.Background()); err != nil {
		d.t.Error(err)
	}
	d.everyone(m)
	return m
}

// wait lets time pass until then, in which every client visits now and then.
func (d *deploys) wait(m *Manager, until time.Time) {
	d.t.Helper()
	for time.Now().Before(until) {
		d.everyone(m)
		time.Sleep(min(d.stay*2/3, time.Until(until)))
	}
}

// forged reports whether an instance accepts an id that the given format has made.
func (d *deploys) forged(m *Manager, by *sid.Format) bool {
	_, err := m.Open(d.t.Context(), by.Spell(by.New("n1", "")))
	if !errors.Is(err, ErrInvalidID) && !errors.Is(err, ErrGone) {
		d.t.Error(err)
	}
	return errors.Is(err, ErrGone)
}

// inDeploys runs a test in each mode.
func inDeploys(t *testing.T, test func(d *deploys, mode Config)) {
	inModes(t, func(t *testing.T, w *world, mode Config) { test(&deploys{t: t, w: w, stay: 10 * time.Minute}, mode) })
}
