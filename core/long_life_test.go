package msm_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

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
