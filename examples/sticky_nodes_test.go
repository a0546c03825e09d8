package examples

import "testing"

// stickyNodes are cases in which nodes fail.
var stickyNodes = []stickyCase{
	{"RelocateSession", "", 3, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		before := wantCount(a, 1)
		a.written()
		id := session(t, a).ID
		c.servers[before].Kill()
		a.state(before, "down")
		after, _, cookie := "", 0, false
		if _, after, cookie = a.count(); after == before || !cookie {
			t.Errorf("on %s after %s, cookie %v", after, before, cookie)
		}
		if now := session(t, a).ID; now != token(id)+"-"+after+".app1" {
			t.Errorf("%s after %s", now, id)
		}
		if _, still, cookie := a.count(); still != after || cookie {
			t.Errorf("on %s after %s, cookie %v", still, after, cookie)
		}
		a.written()
		if n := c.keys(after); n != 1 {
			t.Errorf("%d sessions on %s", n, after)
		}
	}},
	{"MultipleMemcachedNodesFailure", "", 3, func(t *testing.T, c *cluster) {
		a := c.sticky("app1")
		put(a, "foo", "bar")
		wantCount(a, 1)
		a.written()
		left := ""
		for id := range c.servers {
			if id != session(t, a).Node {
				left = id
			}
		}
		for id, server := range c.servers {
			if id != left {
				server.Kill()
				a.state(id, "down")
			}
		}
		want(t, a, "GET", "/attributes/foo", "", 200, "bar")
		if node := wantCount(a, 2); node != left {
			t.Errorf("on %s; %s is left", node, left)
		}
		a.written()
		if n := c.keys(left); n != 1 {
			t.Errorf("%d sessions on %s", n, left)
		}
	}},
	{"AllMemcachedNodesFailure", "", 3, func(t *testing.T, c *cluster) {
		a := c.sticky("app1", "MSM_BACKUP_ASYNC=false", "MSM_REFILL_RATE=0") // it moves to no node that dies a moment later
		wantCount(a, 1)
		id := session(t, a).ID
		c.killAll()
		for node := range c.servers {
			a.state(node, "down")
		}
		for n := 2; n <= 4; n++ {
			if got, _, cookie := a.count(); got != n || cookie {
				t.Errorf("count %d, cookie %v; want %d", got, cookie, n)
			}
		}
		if now := session(t, a).ID; now != id {
			t.Errorf("%s after %s", now, id)
		}
	}},
	{"CookieNotSetWhenAllMemcachedsDownIssue40", "", 2, func(t *testing.T, c *cluster) {
		c.killAll()
		a := c.sticky("app1")
		if n, node, cookie := a.count(); n != 1 || node != "" || !cookie {
			t.Errorf("count %d on %q, cookie %v", n, node, cookie)
		}
		if n, node, cookie := a.count(); n != 2 || node != "" || cookie {
			t.Errorf("count %d on %q, cookie %v", n, node, cookie)
		}
	}},
	{"CookieNotSetWhenRegularMemcachedDownIssue40", "", 2, func(t *testing.T, c *cluster) {
		c.servers["n2"].Kill()
		a := c.sticky("app1", "MSM_FAILOVER_NODES=n1")
		if n, node, cookie := a.count(); n != 1 || node != "n1" || !cookie {
			t.Errorf("count %d on %q, cookie %v", n, node, cookie)
		}
		if n, node, cookie := a.count(); n != 2 || node != "n1" || cookie {
			t.Errorf("count %d on %q, cookie %v", n, node, cookie)
		}
	}},
}
