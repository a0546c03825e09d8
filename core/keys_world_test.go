package msm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// deploys plays rolling deploys, in which instances of two configurations run side by side.
type deploys struct {
	t       *testing.T
	w       *world
	stay    time.Duration // how long visitors may stay away
	made    int           // instances so far
	clients []*regular
}

// regular is a visitor who is logged in and counts the visits.
type regular struct {
	name, cookie string
	visits       int
}

func (d *deploys) instance(config Config) *Manager {
	d.made++
	config.IdleTimeout = d.stay
	return d.w.routed(config, fmt.Sprintf("i%d", d.made))
}

// visit sends a client's request to an instance, where the session must be found.
func (d *deploys) visit(m *Manager, c *regular, f func(s *Session)) {
	d.t.Helper()
	c.visits++
	r := httptest.NewRequest("POST", "/", nil)
	if c.cookie != "" {
		r.Header.Set("Cookie", "SESSION="+c.cookie)
	}
	w := httptest.NewRecorder()
	m.Middleware(handlerFunc(func(s *Session) {
		if f != nil {
			f(s)
		}
		if n := Update(s, "n", plus(1)); n != c.visits || Get[string](s, "user") != c.name {
			d.t.Errorf("%s: visit %d is %d of %q", c.name, c.visits, n, Get[string](s, "user"))
		}
	})).ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		c.cookie = cookie.Value
	}
	if w.Code != http.StatusOK {
		d.t.Errorf("%s: %d", c.name, w.Code)
	}
	time.Sleep(heard)
}

func handlerFunc(f func(s *Session)) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(From(r.Context())) })
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

// inDeploys runs a test in each mode of keeping sessions.
func inDeploys(t *testing.T, test func(d *deploys, mode Config)) {
	for name, mode := range map[string]Config{
		"non-sticky":    {},
		"sticky, async": {Sticky: true},
		"sticky, sync":  {Sticky: true, BackupSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(&deploys{t: t, w: newWorld(t, 2), stay: 10 * time.Minute}, mode)
				time.Sleep(heard)
			})
		})
	}
}

func signingKey(letter string) []byte { return []byte(strings.Repeat(letter, 32)) }

// TestSigningKeysChangeInRollingDeploys plays the steps of docs/keys.md, each while old and new instances run side by side:
// no session and no login gets lost, and what is forged is accepted at no other time than the one that was said.
func TestSigningKeysChangeInRollingDeploys(t *testing.T) {
	t.Parallel()
	old, next := signingKey("o"), signingKey("n")
	unsigned, err := sid.NewFormat("SESSION", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := sid.NewFormat("SESSION", [][]byte{signingKey("x")}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	type step struct {
		name     string
		keys     [][]byte
		window   bool // Config.UnsignedUntil is in the future
		wait     bool // before the next step, for as long as visitors may stay away
		unsigned bool // unsigned ids are accepted
	}
	for name, steps := range map[string][]step{
		"switched on": {
			{name: "without keys", unsigned: true},
			{name: "step 1", keys: [][]byte{old}, window: true, wait: true, unsigned: true},
			{name: "step 2", keys: [][]byte{old}},
		},
		"a key replaced by another": {
			{name: "the old key", keys: [][]byte{old}},
			{name: "step 1", keys: [][]byte{old, next}},
			{name: "step 2", keys: [][]byte{next, old}, wait: true},
			{name: "step 3", keys: [][]byte{next}},
		},
		"switched off": {
			{name: "with a key", keys: [][]byte{old}},
			{name: "step 1", keys: [][]byte{old}, window: true, unsigned: true},
			{name: "step 2", unsigned: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inDeploys(t, func(d *deploys, mode Config) {
				var m *Manager
				for _, s := range steps {
					config := mode
					config.SigningKeys = s.keys
					if s.window {
						config.UnsignedUntil = time.Now().Add(d.stay + 10*time.Minute) // with ten minutes for the deploy
					}
					if m == nil {
						m = d.instance(config)
					} else {
						m = d.roll(s.name, m, config)
					}
					if d.forged(m, unsigned) != s.unsigned || d.forged(m, stranger) == (len(s.keys) > 0) {
						t.Errorf("%s: forged ids are accepted unsigned: %v, signed by another key: %v", s.name, d.forged(m, unsigned), d.forged(m, stranger))
					}
					if s.wait {
						d.wait(m, time.Now().Add(d.stay))
					}
					if s.wait && s.window {
						d.wait(m, config.UnsignedUntil)
						if d.forged(m, unsigned) {
							t.Errorf("%s: unsigned ids are accepted when their time is over", s.name)
						}
					}
				}
			})
		})
	}
}

// TestAnIDIsSignedAnew checks that an id is signed again by the first key, at most once a minute at one instance, for
// the cookie and for the header.
func TestAnIDIsSignedAnew(t *testing.T) {
	t.Parallel()
	inDeploys(t, func(d *deploys, mode Config) {
		mode.Header = "X-Session"
		before, after := mode, mode
		before.SigningKeys, after.SigningKeys = [][]byte{signingKey("o")}, [][]byte{signingKey("n"), signingKey("o")}
		m := d.instance(before)
		c := &regular{name: "ann"}
		d.visit(m, c, func(s *Session) { s.Set("user", "ann") })
		if err := m.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		m = d.instance(after)
		d.visit(m, c, nil) // in sticky mode it gets another route
		id := c.cookie
		if _, outdated, ok := m.format.Parse(id); outdated || !ok {
			d.t.Errorf("not signed anew: outdated %v, ok %v", outdated, ok)
		}
		other, err := sid.NewFormat("SESSION", before.SigningKeys, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		parsed, _, _ := m.format.Parse(id)
		stale := other.Spell(parsed) // as it was signed before
		get := func(name, value string) (told int) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set(name, value)
			w := httptest.NewRecorder()
			m.Middleware(handlerFunc(func(s *Session) { s.Has("n") })).ServeHTTP(w, r)
			told = len(w.Header()["Set-Cookie"]) + len(w.Header()["X-Session"])
			return told
		}
		for name, header := range map[string][2]string{"by cookie": {"Cookie", "SESSION=" + stale}, "by header": {"X-Session", stale}} {
			time.Sleep(time.Minute)
			if first, second := get(header[0], header[1]), get(header[0], header[1]); first != 1 || second != 0 {
				d.t.Errorf("%s: told %d times at first, then %d", name, first, second)
			}
			time.Sleep(time.Minute)
			if again := get(header[0], header[1]); again != 1 {
				d.t.Errorf("%s: told %d times a minute later", name, again)
			}
		}
		if told := get("Cookie", "SESSION="+id); told != 0 {
			d.t.Errorf("a client that knows its id is told it %d times", told)
		}
	})
}
