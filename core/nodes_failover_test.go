package msm_test

import (
	"net/http/cookiejar"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestKilledNode: F-01, F-03, F-38, G1, G3, G8. A node dies under load and comes back empty. Only the sessions'
// requests repair its copies; TestRefill shows the other way.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	c := startClusterWith(t, 3, msm.Config{RefillRate: msm.NoRefill})
	idle, v := c.visitors(32), c.visitors(24)
	for i := range idle.clients {
		idle.count(i)
	}
	for _, x := range []*visitors{idle, v} {
		for x.on("n1") == 0 { // by chance
			x.clients[0].Jar, _ = cookiejar.New(nil)
			x.acked[0] = 0
			x.count(0)
		}
	}
	v.begin()
	v.rounds(5)
	c.servers["n1"].Kill()
	v.rounds(1)
	if n := v.on("n1"); n != 0 {
		t.Errorf("%d cookies still name the dead node", n)
	}
	v.rounds(5)
	c.servers["n1"].Restart()
	c.waitUntilAllUp(t)
	v.rounds(5)
	v.end()
	v.check()
	t.Log(v.told())

	named := idle.on("n1")
	idle.check() // restores the copies of those that were idle meanwhile
	waitFor(t, "the restarted node to have its copies back", func() bool { return len(c.servers["n1"].Keys()) > named })
	if n := idle.on("n1"); n != named {
		t.Errorf("%d of %d sessions have left the restarted node", named-n, named)
	}
	healed(t, c.manager)
	c.servers["n2"].Kill()
	v.check()
	idle.check()
}

// TestStoppedNode: F-02, F-37, F-40, G8. A node hangs, and later does what it was sent. Until its failure is known each
// request sends it one command at most, and then none does. How long requests take is in TestRequestsWhileANodeHangs.
func TestStoppedNode(t *testing.T) {
	t.Parallel()
	list, servers, proxies := startSeen(t, 3)
	proxy := proxies[1]
	m := newManager(t, msm.Config{Nodes: list, OpTimeout: hangTimeout})
	c := &cluster{serve(t, counting(m)), m, servers}
	v := c.visitors(24)
	v.begin()
	v.rounds(3)
	before := v.answered()
	servers["n2"].Stop()
	proxy.Reset()
	state(t, m, "n2", msm.NodeDown)
	began := int64(len(v.clients)) + v.answered() - before // until it was known: the first may run out of time a little before the probe does
	v.rounds(1)
	if n := int64(len(about("msm:s:", proxy))); n > began {
		t.Errorf("%d commands went to the hung node; each of %d requests may have sent one", n, began)
	}
	waitFor(t, "three rounds without a command to the node that is known to hang", func() bool { // one may have been on its way
		proxy.Reset()
		v.rounds(3)
		return len(about("msm:s:", proxy)) == 0
	})
	servers["n2"].Continue()
	c.waitUntilAllUp(t)
	v.rounds(3)
	v.end()
	v.check()
	t.Log(v.told())
}

// TestTheNewestCopyIsFound: the copies lie on the second and third node of a session's ranking, or one of the two is
// stale.
func TestTheNewestCopyIsFound(t *testing.T) {
	t.Parallel()
	for name, break1 := range map[string]func(c *cluster, backup string){
		"the backup was killed and came back empty": func(c *cluster, backup string) {
			c.servers[backup].Kill()
			c.post()
			c.servers[backup].Restart()
		},
		"the backup hung and came back stale": func(c *cluster, backup string) {
			c.servers[backup].Stop()
			c.post()
			c.servers[backup].Continue()
		},
	} {
		for _, primary := range []string{"n1", "n2", "n3"} {
			t.Run(name+", primary "+primary, func(t *testing.T) {
				t.Parallel()
				c := startFragile(t, 3)
				for ok := false; !ok; ok = nodeOf(c.cookie(c.browser)) == primary {
					jar, _ := cookiejar.New(nil)
					c.browser.Jar = jar
					c.do("POST", "/")
				}
				for _, backup := range others(primary) {
					before := c.manager.Stats().UnderReplicated
					break1(c, backup)
					c.waitUntilAllUp(t)
					if c.manager.Stats().UnderReplicated > before { // another node was found down late: a second fault
						waitForWhatIsOwed(t, c.manager)
					}
				}
				old := c.cookie(c.browser)
				c.servers[nodeOf(old)].Kill()
				if resp, body := c.do("GET", "/"); body != "3" {
					t.Errorf("%d: counted %s; want 3", resp.StatusCode, body)
				}
				if now := c.cookie(c.browser); nodeOf(now) == nodeOf(old) {
					t.Error("the cookie names the dead node")
				}
			})
		}
	}
}

func others(node string) (list []string) {
	for _, n := range []string{"n1", "n2", "n3"} {
		if n != node {
			list = append(list, n)
		}
	}
	return list
}

// TestAllNodesDown: F-10, F-34, G11. Store trouble is never "not logged in".
func TestAllNodesDown(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2)
	c.do("POST", "/")
	before := c.cookie(c.browser)
	c.servers["n1"].Kill()
	c.servers["n2"].Kill()
	for _, method := range []string{"GET", "POST"} {
		resp, body := c.do(method, "/")
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || len(resp.Header["Set-Cookie"]) > 0 || strings.Contains(body, "0") {
			t.Errorf("%s: %d %q %v", method, resp.StatusCode, body, resp.Header)
		}
	}
	if c.cookie(c.browser) != before {
		t.Error("the cookie was replaced because no node answered")
	}
	c.servers["n1"].Restart()
	c.servers["n2"].Restart()
	c.waitUntilAllUp(t)
	if resp, body := c.do("POST", "/"); resp.StatusCode != 200 || body != "1" {
		t.Errorf("after both came back empty: %d %q", resp.StatusCode, body)
	}
}
