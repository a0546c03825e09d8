package msm_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestLifeOfASession checks what keeps a session alive and what ends it, in memory or not, in fake time. Every step is
// a pause and a request.
func TestLifeOfASession(t *testing.T) {
	t.Parallel()
	read := func(s *msm.Session) { count.Get(s) }
	write := func(s *msm.Session) { add(s) }
	untouched := func(*msm.Session) {}
	short := msm.Config{IdleTimeout: 2 * time.Minute}
	bounded := msm.Config{IdleTimeout: 2 * time.Minute, AbsoluteTimeout: 4 * time.Minute}
	modes := map[string]func(*msm.Config){
		"non-sticky":    func(*msm.Config) {},
		"sticky, async": func(c *msm.Config) { c.Sticky = true },
		"sticky, sync":  func(c *msm.Config) { c.Sticky, c.BackupSync = true, true },
	}
	type step struct {
		pause time.Duration
		do    func(*msm.Session)
	}
	for name, c := range map[string]struct {
		config msm.Config
		begin  func(*msm.Session)
		steps  []step
		alive  bool
	}{
		"by default, unused for just the idle timeout": {begin: write, steps: []step{{30 * time.Minute, untouched}}, alive: true},
		"by default, unused for a twentieth longer":    {begin: write, steps: []step{{31*time.Minute + 31*time.Second, untouched}}, alive: false},
		"unused for just the idle timeout":             {config: short, begin: write, steps: []step{{120 * time.Second, untouched}}, alive: true},
		"unused for a twentieth longer":                {config: short, begin: write, steps: []step{{128 * time.Second, untouched}}, alive: false},
		"read again and again":                         {config: short, begin: write, steps: []step{{115 * time.Second, read}, {115 * time.Second, read}, {115 * time.Second, read}}, alive: true},
		"written again and again":                      {config: short, begin: write, steps: []step{{115 * time.Second, write}, {115 * time.Second, write}}, alive: true},
		"requests that never look at it":               {config: short, begin: write, steps: []step{{115 * time.Second, untouched}, {115 * time.Second, untouched}, {115 * time.Second, untouched}}, alive: true},
		"an idle timeout of its own, unused": {
			begin: func(s *msm.Session) { add(s); s.SetIdleTimeout(time.Minute) },
			steps: []step{{64 * time.Second, untouched}}, alive: false,
		},
		"an idle timeout of its own, used": {
			begin: func(s *msm.Session) { add(s); s.SetIdleTimeout(time.Minute) },
			steps: []step{{50 * time.Second, read}, {50 * time.Second, read}, {50 * time.Second, read}}, alive: true,
		},
		"used until its absolute timeout": {
			config: bounded, begin: write,
			steps: []step{{100 * time.Second, write}, {100 * time.Second, write}, {41 * time.Second, untouched}}, alive: false,
		},
		"renewed before its absolute timeout": {
			config: bounded, begin: write,
			steps: []step{{100 * time.Second, write}, {100 * time.Second, func(s *msm.Session) { _ = s.Renew() }}, {100 * time.Second, untouched}}, alive: true,
		},
	} {
		for mode, edit := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					edit(&c.config)
					m := newManager(t, c.config)
					id := begin(t, m, c.begin)
					for _, s := range c.steps {
						time.Sleep(s.pause)
						resp := visit(m, id, s.do)
						synctest.Wait() // for work in the background
						if cookies := sessionCookies(resp); len(cookies) == 1 {
							id = cookies[0].Value
						}
					}
					visit(m, id, func(s *msm.Session) {
						if s.IsNew() == c.alive {
							t.Errorf("alive: %v", !s.IsNew())
						}
					})
				})
			})
		}
	}
}

// TestKeepingAliveIsRateLimited checks that of many requests only one in a twentieth of the idle timeout writes.
func TestKeepingAliveIsRateLimited(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(*msm.Session){
		"that read":         func(s *msm.Session) { count.Get(s) },
		"that do not touch": func(*msm.Session) {},
	} {
		t.Run("requests "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t, msm.Config{})
				id := begin(t, m, func(s *msm.Session) { add(s) })
				h := m.Middleware(handlerOf(look))
				for range 60 * 60 { // one a second for an hour
					time.Sleep(time.Second)
					exchange(h, "GET", "/", withCookie("SESSION="+id))
				}
				synctest.Wait()
				if n := m.Stats().Refreshes; n < 38 || n > 40 { // every 90 s, and up to a second
					t.Errorf("%d refreshes in an hour; 40 are enough", n)
				}
			})
		})
	}
}

// TestALogoutIsRememberedAsLongAsItMatters: G6. A node that hung may come back with the session as it was, and keep it
// until it would have expired.
func TestALogoutIsRememberedAsLongAsItMatters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, msm.Config{})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		visit(m, id, func(s *msm.Session) { s.Destroy() })
		for range 10 {
			time.Sleep(20 * time.Second)
			visit(m, id, func(s *msm.Session) {
				if !s.IsNew() {
					t.Error("it came back")
				}
			})
		}
	})
}

// TestTimeoutsWithoutEnd: the longest duration of Go is a timeout like others, and does not end a session at once.
func TestTimeoutsWithoutEnd(t *testing.T) {
	t.Parallel()
	const forever = time.Duration(math.MaxInt64)
	modes := map[string]msm.Config{
		"sticky":               {Sticky: true},
		"sticky, synchronous":  {Sticky: true, BackupSync: true, Backups: 1},
		"not sticky":           {},
		"not sticky, one copy": {Backups: msm.NoBackup},
	}
	for name, change := range map[string]struct {
		config  func(*msm.Config)
		session func(*msm.Session)
	}{
		"IdleTimeout":     {func(c *msm.Config) { c.IdleTimeout = forever }, func(*msm.Session) {}},
		"AbsoluteTimeout": {func(c *msm.Config) { c.AbsoluteTimeout = forever }, func(*msm.Session) {}},
		"both":            {func(c *msm.Config) { c.IdleTimeout, c.AbsoluteTimeout = forever, forever }, func(*msm.Session) {}},
		"SetIdleTimeout":  {func(*msm.Config) {}, func(s *msm.Session) { s.SetIdleTimeout(forever) }},
		"a hundred years": {func(c *msm.Config) { c.IdleTimeout = 100 * 365 * 24 * time.Hour }, func(*msm.Session) {}},
	} {
		for mode, config := range modes {
			t.Run(name+", "+mode, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					change.config(&config)
					w := newNetwork(t, 2)
					config.Route = "a"
					m := w.manager(config)
					id := begin(t, m, func(s *msm.Session) { add(s); change.session(s) })
					for range 3 {
						time.Sleep(5 * time.Second)
						visit(m, id, func(s *msm.Session) { add(s) })
					}
					time.Sleep(time.Second) // until it is stored
					config.Route = "b"
					other := w.manager(config)
					visit(other, id, func(s *msm.Session) {
						if n := count.Get(s); n != 4 {
							t.Errorf("another instance counts %d; want 4", n)
						}
					})
					time.Sleep(time.Second)
					visit(other, id, func(s *msm.Session) { s.Destroy() })
					for _, later := range []time.Duration{time.Second, 10 * time.Second} {
						time.Sleep(later)
						visit(m, id, func(s *msm.Session) {
							if !s.IsNew() {
								t.Errorf("it lives on %v after its logout", later)
							}
						})
					}
				})
			})
		}
	}
}
