package msm

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAReadDuringAFaultIsAUse: a session never ends early. A read that finds a copy missing repairs it, and must record
// the use of the session all the same.
func TestAReadDuringAFaultIsAUse(t *testing.T) {
	t.Parallel()
	down := func(s *nodetest.Server) { s.Fail(off) }
	for name, c := range map[string]struct {
		which func(home, at string) bool
		fail  func(*nodetest.Server)
	}{
		"no fault":                           {func(string, string) bool { return false }, down},
		"the home is down":                   {func(home, at string) bool { return at == home }, down},
		"the other nodes are down":           {func(home, at string) bool { return at != home }, down},
		"the home was restarted just now":    {func(home, at string) bool { return at == home }, func(s *nodetest.Server) { s.Restart(nil) }},
		"the others were restarted just now": {func(home, at string) bool { return at != home }, func(s *nodetest.Server) { s.Restart(nil) }},
	} {
		for _, looks := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, 3)
					m, _ := w.manager(Config{IdleTimeout: 3 * time.Minute})
					var v visitor
					visit := func(method string, f func(s *Session)) {
						if status := v.request(m, method, f).Code; status != http.StatusOK {
							t.Errorf("status %d", status)
						}
						time.Sleep(50 * time.Millisecond) // for the background jobs
					}
					visit("POST", func(s *Session) { s.Set("n", 1) })
					at, _, _ := m.keys.format().Parse(v.id)
					time.Sleep(114 * time.Second)
					for _, s := range w.servers {
						if c.which(at.Node, s.ID()) {
							c.fail(s)
						}
					}
					for range 4 {
						time.Sleep(time.Second)
						visit("GET", func(s *Session) {
							if looks && s.IsNew() {
								t.Error("it has ended, two minutes after it was used")
							}
						})
						time.Sleep(2 * time.Minute)
					}
					visit("GET", func(s *Session) {
						if s.IsNew() {
							t.Error("at the end it is gone")
						}
					})
				})
			})
		}
	}
}

// TestAReadBeforeAnOutageIsAUse: all nodes go away before the use is recorded, and no request comes until they are
// back. The number of retries is bounded, and they end.
func TestAReadBeforeAnOutageIsAUse(t *testing.T) {
	t.Parallel()
	for _, outage := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 3)
			m, _ := w.manager(Config{IdleTimeout: 10 * time.Minute})
			var v visitor
			all := func(fault nodetest.Fault) {
				for _, s := range w.servers {
					s.Fail(fault)
				}
			}
			v.request(m, "POST", func(s *Session) { s.Set("n", 1) })
			time.Sleep(9 * time.Minute)
			v.request(m, "GET", func(s *Session) {
				if s.IsNew() {
					t.Fatal("it has ended early")
				}
				all(off)
			})
			time.Sleep(outage)
			all(nil)
			time.Sleep(9*time.Minute - outage)
			v.request(m, "GET", func(s *Session) {
				if s.IsNew() {
					t.Errorf("after an outage of %v it is gone, 9 minutes after it was used", outage)
				}
			})
		})
	}
}
