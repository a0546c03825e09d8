package examples

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stickyCase is one of MSM's integration tests, or several.
type stickyCase struct {
	name    string
	differs string
	nodes   int
	test    func(t *testing.T, c *cluster)
}

// TestMSMSticky runs the sticky cases of memcached-session-manager's integration tests, under their names there, on
// real memcached and real app processes. Where msm behaves differently, differs says how and why.
func TestMSMSticky(t *testing.T) {
	for _, c := range slices.Concat(stickySessions, stickyNodes, stickyTakeovers) {
		t.Run(c.name, func(t *testing.T) {
			if c.test == nil { // the reason names the test that has it
				t.Log(c.differs)
				return
			}
			t.Parallel()
			c.test(t, startNodes(t, c.nodes))
		})
	}
}

// stickySessions are cases of sessions and their ids, of one instance.
var stickySessions = []stickyCase{
	{"ContextReload", "", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		put(a, "foo", "bar")
		a.terminate()
		want(t, c.sticky("app1"), "GET", "/attributes/foo", "", 200, "bar")
	}},
	{"SessionUpdatedInMemcachedWhenSessionAttributeIsRemovedIssue106", "", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		put(a, "foo", "bar")
		put(a, "x", "y")
		want(t, a, "DELETE", "/attributes/foo", "", 204, "")
		want(t, a, "GET", "/attributes/foo", "", 404, "*")
		a.written()
		want(t, c.sticky("app2"), "GET", "/attributes/foo", "", 404, "*")
	}},
	{"ConfiguredMemcachedNodeId, SessionIdJvmRouteCompatibility", "", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		put(a, "foo", "bar")
		if id := session(t, a).ID; !regexp.MustCompile(`^[^-.]+-n1\.app1$`).MatchString(id) {
			t.Error(id)
		}
	}},
	{"SessionIdIsNotChangedIfSingleNodeWithNoMemcachedNodeIdConfigured, SessionFoundIfSingleNode…", "", 1, func(t *testing.T, c *cluster) {
		c.nodes = "MSM_NODES=" + c.servers["n1"].Addr()
		a := c.sticky("app1")
		put(a, "foo", "bar")
		id := session(t, a).ID
		if strings.Contains(id, "-") {
			t.Error(id)
		}
		want(t, a, "GET", "/attributes/foo", "", 200, "bar")
		a.written()
		b := c.sticky("app2") // TomcatFailoverWithSingleNodeWithoutConfiguredNodeId
		want(t, b, "GET", "/attributes/foo", "", 200, "bar")
		if now := session(t, b).ID; now != token(id)+".app2" {
			t.Errorf("%s after %s", now, id)
		}
	}},
	{"InvalidSessionId", "the new id comes with the first attribute, not with the first request", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		c.jar.SetCookies(a.cookieURL(), []*http.Cookie{{Name: "SESSION", Value: "12345"}})
		want(t, a, "GET", "/count", "", 200, "*")
		wantCount(a, 1)
		if id := session(t, a).ID; strings.HasPrefix(id, "12345") {
			t.Error(id)
		}
	}},
	{"SessionAvailableInMemcached", "within 100 ms, as the write is asynchronous by default", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		put(a, "foo", "bar")
		a.written()
		if n := c.keys("n1"); n != 1 {
			t.Errorf("%d sessions", n)
		}
	}},
	{"SessionAvailableInMemcachedWithCookiesDisabled", "an id never travels in the URL (OWASP): there it ends up in logs and referrers; Config.Header is for clients without cookies", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		wantCount(a, 1)
		id := session(t, a).ID
		a.browser.Jar = nil
		want(t, a, "GET", "/count;SESSION="+id, "", 404, "*")
		want(t, a, "GET", "/count?SESSION="+id, "", 200, `{"count":0,"node":"","route":""}`)
	}},
	{"ExpiredSessionRemovedFromMemcached, InvalidSessionNotFound", "", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1", "MSM_IDLE_TIMEOUT=1s")
		wantCount(a, 1)
		id := a.cookie() // from the browser: on a busy machine a request may find no session
		eventually(t, "the session leaves memory", func() bool { return a.health().Local.Sessions == 0 })
		wantCount(a, 1)
		if token(a.cookie()) == token(id) {
			t.Error("the old id was taken up again")
		}
		eventually(t, "and memcached", func() bool { return c.keys("n1") == 0 })
	}},
	{"InvalidatedSessionRemovedFromMemcached", "a tombstone stays in its place for the session's remaining life: without it a copy that turns up late would log the visitor in again", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		wantCount(a, 1)
		a.written()
		old := c.jar.Cookies(a.cookieURL())
		resp, _ := a.send("POST", "/logout", "")
		if set := resp.Header.Get("Set-Cookie"); !strings.HasPrefix(set, "SESSION=;") {
			t.Errorf("Set-Cookie: %q", set)
		}
		for _, p := range []*process{a, c.sticky("app2")} {
			c.jar.SetCookies(p.cookieURL(), old)
			want(t, p, "GET", "/count", "", 200, `{"count":0,"node":"","route":""}`)
		}
	}},
	{"ExpirationOfSessionsInMemcachedIfBackupWasSkipped (Simple, ManyReadonlyRequests)", "every twentieth of the idle timeout a read is stored, too; that this goes on beyond the timeout is shown in fake time, by TestWriteBehind", 1, func(t *testing.T, c *cluster) {
		a := c.sticky("app1", "MSM_IDLE_TIMEOUT=40s")
		wantCount(a, 1)
		a.written()
		eventually(t, "a read is stored", func() bool {
			wantRead(a, 1)
			return a.health().Saves >= 2
		})
		if n := c.keys("n1"); n != 1 {
			t.Errorf("%d sessions in memcached", n)
		}
		_ = a.cmd.Process.Kill()
		wantRead(c.sticky("app1", "MSM_IDLE_TIMEOUT=40s"), 1)
	}},
	{"NotAssociatedSessionGetsAssociatedIssue49, StartMsmDisabled, DisableMsmAtRuntime", "there is no switch to turn msm off: without any node it works in memory, and stores again when one is there", 1, func(t *testing.T, c *cluster) {
		c.killAll()
		a := c.sticky("app1")
		if n, node, _ := a.count(); n != 1 || node != "" {
			t.Errorf("count %d on %q", n, node)
		}
		if id := session(t, a).ID; strings.Contains(id, "-") {
			t.Errorf("an id without a node: %s", id)
		}
		if n, _, cookie := a.count(); n != 2 || cookie {
			t.Errorf("count %d, cookie %v", n, cookie)
		}
		c.servers["n1"].Restart()
		a.state("n1", "up")
		if n, node, cookie := a.count(); n != 3 || node != "n1" || !cookie {
			t.Errorf("count %d on %q, cookie %v", n, node, cookie)
		}
		a.written()
		if n := c.keys("n1"); n != 1 {
			t.Errorf("%d sessions in memcached", n)
		}
	}},
}
