package msm_test

import (
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestMSMLocking runs the cases of MSM's NonStickySessionsIntegrationTest, and those of its defects W-12 to W-22.
func TestMSMLocking(t *testing.T) {
	t.Parallel()
	for _, cases := range []map[string]func(t *testing.T){tomcatsWait, tomcatsStore, tomcatsDefects} {
		for name, test := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
}

// tomcatsWait are cases of requests that wait for each other, or do not.
var tomcatsWait = map[string]func(t *testing.T){
	"locks with a single node without id (SessionLockingSupportedWithSingleNodeSetup)": each(locking, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 1, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k1"))
		c.do(c.tc2, "POST /", set("k2"))
		c.check(c.tc1, "k1", "k2")
	}),
	"two requests at once in one instance (Issue111); W-22": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k1"))
		wait := c.meanwhile(c.tc1, "POST /a", slowlySet("k2"))
		c.do(c.tc1, "POST /b", set("k3"))
		wait()
		c.check(c.tc2, "k1", "k2", "k3")
	}),
	"a read in the other instance waits for the writer (Issue111)": each([]msm.Locking{msm.LockAll, everyPath}, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k1"))
		wait := c.meanwhile(c.tc1, "POST /a", slowlySet("k2"))
		c.check(c.tc2, "k1", "k2")
		wait()
	}),
	"two requests at once in two instances (ParallelRequestsDontCauseDataLoss)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k1"))
		wait := c.meanwhile(c.tc1, "POST /a", slowlySet("k2"))
		c.do(c.tc2, "POST /b", set("k3"))
		wait()
		c.check(c.tc1, "k1", "k2", "k3")
	}),
	"what only reads does not wait, once that is known (ReadOnlyRequestsDontLockSessionForAutoLocking)": func(t *testing.T) {
		c := startTomcats(t, 2, msm.Config{Locking: msm.LockAuto})
		c.do(c.tc1, "POST /", set("k1"))
		c.keys(c.tc1)
		end := make(chan struct{})
		write := c.meanwhile(c.tc1, "POST /", func(s *msm.Session) { s.Set("k2", 1); <-end })
		read := c.meanwhile(c.tc1, "GET /", func(*msm.Session) { <-end }) // with a lock it would wait for the writer forever
		c.check(c.tc1, "k1")
		close(end)
		read()
		write()
		c.check(c.tc1, "k1", "k2")
	},
	"paths that the pattern matches wait, others do not (RequestsDontLockSessionForNotMatchingUriPattern); W-12": func(t *testing.T) {
		c := startTomcats(t, 2, msm.Config{Locking: msm.LockURI(regexp.MustCompile("^/locked"))})
		c.do(c.tc1, "POST /", set("k1"))
		var over atomic.Bool
		end, second := make(chan struct{}), make(chan struct{})
		first := c.meanwhile(c.tc1, "POST /locked/1?x=y", func(*msm.Session) { <-end; over.Store(true) })
		c.do(c.tc2, "GET /other?path=/locked", nothing) // with a lock it would wait for the first one forever
		go func() {
			defer close(second)
			c.do(c.tc2, "POST /locked/2", func(*msm.Session) {
				if !over.Load() { // MSM's test does not check that anything waits, and nothing did
					t.Error("a request that the pattern matches did not wait for another one")
				}
			})
		}()
		time.Sleep(100 * time.Millisecond) // time enough for the second one to run too early
		close(end)
		first()
		<-second
	},
	"ignored requests neither wait nor change anything (IgnoredResources…DontCauseSessionStaleness)": each(locking, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode, Ignore: regexp.MustCompile(`\.gif$`)})
		c.do(c.tc1, "POST /", set("k1"))
		end := make(chan struct{})
		writer := c.meanwhile(c.tc2, "POST /", func(s *msm.Session) { <-end; s.Set("k2", 1) })
		if resp := c.do(c.tc1, "GET /pixel.gif", nothing); len(resp.Header["Set-Cookie"]) > 0 {
			t.Error("a cookie")
		}
		close(end)
		writer()
		c.do(c.tc1, "POST /", set("k3"))
		c.check(c.tc2, "k1", "k2", "k3")
	}),
}
