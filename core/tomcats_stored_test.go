package msm_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// tomcatsStore are cases of what is stored where, for how long, and who finds it.
var tomcatsStore = map[string]func(t *testing.T){
	"a session that never ends is loaded from its backup (Issue120)":      outlives(10 * 365 * 24 * time.Hour),
	"a session of more than 30 days is loaded from its backup (Issue104)": outlives(15*24*time.Hour + time.Second),
	"no stale session (NoStaleSessionsWithNonStickySessions)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", func(s *msm.Session) { s.Set("foo", "bar") })
		c.do(c.tc2, "POST /", func(s *msm.Session) { s.Set("foo", "baz") })
		c.do(c.tc1, "GET /", func(s *msm.Session) {
			if v := msm.Get[string](s, "foo"); v != "baz" {
				t.Errorf("foo is %s", v)
			}
		})
	}),
	"reads keep a session alive (NonStickySessionIsValidEvenWhenAccessedReadonly)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		synctest.Test(t, func(t *testing.T) {
			w, config := newNetwork(t, 2), msm.Config{Locking: mode, IdleTimeout: 2 * time.Second}
			c := &tomcats{t: t, tc1: w.manager(config), tc2: w.manager(config)}
			c.do(c.tc1, "POST /", set("k"))
			for range 6 {
				time.Sleep(time.Second)
				c.check(c.tc2, "k")
			}
		})
	}),
	"by header as by cookie (NonStickySessionIsValidForDifferentSessionTrackingModes)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode, Header: "X-Session"})
		c.do(c.tc1, "POST /", set("k"))
		h := c.tc2.Middleware(handlerOf(func(s *msm.Session) {
			if s.IsNew() || s.ID() != c.id {
				t.Errorf("new %v, id %s", s.IsNew(), s.ID())
			}
		}))
		exchange(h, "GET", "/", func(r *http.Request) { r.Header.Set("X-Session", c.id) })
		exchange(h, "GET", "/", withCookie("SESSION="+c.id))
	}),
	"a copy on each of two nodes (NonStickySessionIsStoredInSecondaryMemcachedForBackup)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k"))
		for node := range c.servers {
			if items := c.items(node); !slices.Equal(items, []string{"msm:s"}) {
				t.Errorf("%s has %v", node, items)
			}
		}
	}),
	"the backup's node fails, then the home (NonStickySessionSecondaryBackupFailover)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		secondaryFails(t, mode, set("l"), "k", "l")
	}),
	"the same, with a read in between (…ForSkippedUpdate)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		secondaryFails(t, mode, func(s *msm.Session) { s.Keys() }, "k")
	}),
	"one node: one copy, and nothing else is left (NoBackupWhenRunningASingleMemcachedOnly)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 1, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k"))
		c.do(c.tc2, "POST /", set("l"))
		if items := c.items("n1"); !slices.Equal(items, []string{"msm:s"}) {
			t.Errorf("n1 has %v", items)
		}
		if s := c.tc1.Stats(); s.UnderReplicated != 0 || s.Saves != 1 {
			t.Errorf("%+v", s)
		}
	}),
	"a request that does not look at the session does not load it (SessionNotLoadedForNoSessionAccess)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k"))
		c.check(c.tc1, "k") // from here on the instance knows when an access is due to be recorded
		before := c.tc1.Stats()
		c.do(c.tc1, "GET /", nothing)
		if after := c.tc1.Stats(); after.Loads != before.Loads {
			t.Errorf("%d loads", after.Loads-before.Loads)
		}
		c.check(c.tc1, "k")
	}),
	"a login in one instance is one in the other (BasicAuth, FormAuth…, …ContainerProtectedResource…)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "GET /protected", set("wanted page")) // which redirects to the form
		anonymous := c.id
		c.do(c.tc2, "POST /login", func(s *msm.Session) {
			if err := s.Renew(); err != nil {
				t.Error(err)
			}
			s.Set("user", "ann")
		})
		c.do(c.tc2, "POST /", set("k"))
		c.check(c.tc1, "k", "user", "wanted page")
		c.do(c.tc1, "POST /", set("l"))
		c.check(c.tc2, "k", "l", "user", "wanted page")
		c.id = anonymous
		c.check(c.tc1)
	}),
	"a logout leaves no lock (InvalidateSessionShouldReleaseLockIssue144)": each(lockModes, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode})
		c.do(c.tc1, "POST /", set("k"))
		c.do(c.tc1, "POST /logout", func(s *msm.Session) { s.Destroy() })
		for node := range c.servers {
			if items := c.items(node); slices.Contains(items, "msm:l") {
				t.Errorf("%s has %v", node, items)
			}
		}
		c.check(c.tc2)
	}),
}

// outlives checks that a session with this idle timeout is found on its backup.
func outlives(timeout time.Duration) func(*testing.T) {
	return each(locking, func(t *testing.T, mode msm.Locking) {
		c := startTomcats(t, 2, msm.Config{Locking: mode, IdleTimeout: timeout})
		c.do(c.tc1, "POST /", set("k"))
		home := nodeOf(c.id)
		c.servers[home].Kill()
		c.check(c.tc2, "k")
		c.do(c.tc2, "POST /", set("l"))
		if nodeOf(c.id) == home {
			t.Errorf("the id still names %s", home)
		}
		c.check(c.tc1, "k", "l")
	})
}

func secondaryFails(t *testing.T, mode msm.Locking, between func(*msm.Session), want ...string) {
	c := startTomcats(t, 3, msm.Config{Locking: mode})
	c.do(c.tc1, "POST /", set("k"))
	home, backup := nodeOf(c.id), ""
	for node := range c.servers {
		if node != home && len(c.items(node)) > 0 {
			backup = node
		}
	}
	c.servers[backup].Kill()
	state(t, c.tc1, backup, msm.NodeDown)
	c.do(c.tc1, "POST /", between)
	for node := range c.servers {
		if node != home && node != backup {
			waitFor(t, "a copy on "+node, func() bool { return slices.Contains(c.items(node), "msm:s") })
		}
	}
	c.servers[home].Kill()
	c.check(c.tc2, want...)
	if nodeOf(c.id) == home {
		t.Errorf("the id still names %s", home)
	}
}
