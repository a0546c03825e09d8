package examples

import (
	"strings"
	"testing"
)

// stickyTakeovers are cases in which another instance takes a session over, and those that others of our tests have.
var stickyTakeovers = []stickyCase{
	{"HttpSessionActivationListenersNotifiedOnLoad (WithJvmRoute, WithoutJvmRoute)", "values are no objects, so nobody is notified; an instance without a route gets a random one", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("")
		wantCount(a, 1)
		before := session(t, a)
		if before.Route == "" {
			t.Error("no route")
		}
		a.written()
		b := c.sticky("")
		wantCount(b, 2)
		if now := session(t, b); now.ID != token(before.ID)+"-n1."+now.Route || now.Route == before.Route {
			t.Errorf("%s after %s", now.ID, before.ID)
		}
	}},
	{"TomcatFailover", "memcached's key is that of the token, which stays, so there is no old key to delete", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("tc1")
		put(a, "foo", "bar")
		id := session(t, a).ID
		a.written()
		b := c.sticky("tc2")
		want(t, b, "GET", "/attributes/foo", "", 200, "bar")
		if now := session(t, b).ID; now != strings.Replace(id, ".tc1", ".tc2", 1) {
			t.Errorf("%s after %s", now, id)
		}
		if n := c.keys("n1"); n != 1 {
			t.Errorf("%d sessions", n)
		}
	}},
	{"LoadedSessionOnlySentIfModified", "", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("tc1")
		put(a, "foo", "bar")
		a.written()
		b := c.sticky("tc2")
		saves := func(p *process, want int) {
			t.Helper()
			p.written()
			if got := p.health().Saves; got != want {
				t.Errorf("%d saves; want %d", got, want)
			}
		}
		saves(a, 1)
		want(t, b, "GET", "/attributes/foo", "", 200, "bar")
		saves(b, 1) // the takeover
		put(b, "foo", "bar")
		saves(b, 1)
		put(b, "foo", "baz")
		saves(b, 2)
	}},
	{"SerializationOfAuthStuff (WithFormAuth, WithBasicAuth)", "who is logged in is an attribute like others", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("tc1")
		want(t, a, "POST", "/login?user=ann", "", 200, "*")
		a.written()
		want(t, c.sticky("tc2"), "GET", "/attributes/user", "", 200, "ann")
	}},
	{"SessionOnlyLoadedOnceWithAuth", "", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("tc1")
		wantCount(a, 1)
		a.written()
		b := c.sticky("tc2")
		wantRead(b, 1)
		if h := b.health(); h.Loads != 1 || h.Local.Takeovers != 1 {
			t.Errorf("%d loads", h.Loads)
		}
		eventually(t, "a read that asks no node", func() bool { // one that comes after a second without a probe may ask (rule L3)
			before := b.health().Loads
			wantRead(b, 1)
			return b.health().Loads == before
		})
	}},
	{"SessionModificationOnTomcatFailoverNotLostWithAuth", "", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("tc1")
		wantCount(a, 1)
		a.written()
		b := c.sticky("tc2")
		wantCount(b, 2)
		put(b, "foo", "bar")
		wantCount(b, 3)
		want(t, b, "GET", "/attributes/foo", "", 200, "bar")
	}},
	{"TomcatFailoverMovesSessionToNonFailoverNode", "the copy on the other node stays, and is kept up to date: cookies still name it", 2, func(t *testing.T, c *cluster) {
		a := c.sticky("tc1", "MSM_FAILOVER_NODES=n1")
		if node := wantCount(a, 1); node != "n2" {
			t.Errorf("on %s", node)
		}
		a.written()
		b := c.sticky("tc2", "MSM_FAILOVER_NODES=n2")
		if node := wantCount(b, 2); node != "n1" {
			t.Errorf("on %s", node)
		}
		b.written()
		if n := c.keys("n1"); n != 1 {
			t.Errorf("%d sessions on n1", n)
		}
		_ = b.cmd.Process.Kill()
		c.servers["n2"].Kill() // where the first instance had stored it
		wantCount(c.sticky("tc2", "MSM_FAILOVER_NODES=n2"), 3)
	}},
	{"SecondaryBackupForNonStickySessionAfterMemcachedFailover", "non-sticky: see TestMSMLocking of core", 0, nil},
	{"ReconfigureMemcachedNodesAtRuntimeFeature46, ReconfigureFailoverNodesAtRuntimeFeature46", "by Manager.SetNodes: see TestStickySession of core", 0, nil},
}
