package examples

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

// cluster is some memcached processes, the app instances on them, and one browser for all of them. The test is the
// balancer: it asks the instance that it likes.
type cluster struct {
	t       *testing.T
	jar     *cookiejar.Jar
	servers map[string]*msmtest.Server
	nodes   string
}

func startNodes(t *testing.T, n int) *cluster {
	c := &cluster{t: t, servers: map[string]*msmtest.Server{}}
	c.jar, _ = cookiejar.New(nil)
	var list []string
	for i := range n {
		id := fmt.Sprintf("n%d", i+1)
		c.servers[id] = msmtest.StartServer(t)
		list = append(list, id+":"+c.servers[id].Addr())
	}
	c.nodes = "MSM_NODES=" + strings.Join(list, ",")
	return c
}

// sticky starts a sticky instance with this route.
func (c *cluster) sticky(route string, env ...string) *process {
	c.t.Helper()
	p := startProgram(c.t, "nethttp", append([]string{c.nodes, "MSM_STICKY=true", "MSM_ROUTE=" + route}, env...)...)
	p.browser.Jar = c.jar
	return p
}

func (c *cluster) killAll() {
	for _, s := range c.servers {
		s.Kill()
	}
}

// keys returns how many sessions a node has.
func (c *cluster) keys(node string) (n int) {
	for _, key := range c.servers[node].Keys() {
		if strings.HasPrefix(key, "msm:s:") {
			n++
		}
	}
	return n
}

func (c *cluster) total() (n int) {
	for node := range c.servers {
		n += c.keys(node)
	}
	return n
}

// eventually waits for what an instance does in the background.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// health is the part of the response of /healthz that the tests look at.
type health struct {
	Nodes []struct {
		ID, State string
		Refill    struct{ State string }
	}
	Loads, Saves,
	Relocations int
	Local struct{ Sessions, PendingSessions, PendingChanges, Takeovers, Refilled int }
}

// health asks without a cookie, which would keep the session alive.
func (p *process) health() (h health) {
	p.t.Helper()
	resp, err := http.Get(p.url + "/healthz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		p.t.Fatal(err)
	}
	return h
}

// written waits until everything is stored.
func (p *process) written() {
	p.t.Helper()
	eventually(p.t, "the write-behind", func() bool {
		l := p.health().Local
		return l.PendingChanges == 0 && l.PendingSessions == 0
	})
}

func (p *process) state(node, state string) {
	p.t.Helper()
	eventually(p.t, node+" "+state, func() bool {
		for _, n := range p.health().Nodes {
			if n.ID == node {
				return n.State == state
			}
		}
		return false
	})
}

// count adds one and returns the new count, its node, and whether a cookie was set.
func (p *process) count() (n int, node string, cookie bool) {
	p.t.Helper()
	resp, body := p.send("POST", "/count", "")
	var got struct {
		Count int
		Node  string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		p.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return got.Count, got.Node, len(resp.Header["Set-Cookie"]) > 0
}

func wantCount(p *process, want int) (node string) {
	p.t.Helper()
	n, node, _ := p.count()
	if n != want {
		p.t.Errorf("count %d; want %d", n, want)
	}
	return node
}

func wantRead(p *process, count int) {
	p.t.Helper()
	if _, body := p.ask("GET", "/count", ""); !strings.HasPrefix(body, fmt.Sprintf(`{"count":%d,`, count)) {
		p.t.Errorf("%s; want %d", body, count)
	}
}

func put(p *process, name, value string) {
	p.t.Helper()
	want(p.t, p, "PUT", "/attributes/"+name, value, 204, "")
}

// cookie returns the session's id from the browser's cookie.
func (p *process) cookie() string {
	p.t.Helper()
	for _, c := range p.browser.Jar.Cookies(p.cookieURL()) {
		if c.Name == "SESSION" {
			return c.Value
		}
	}
	p.t.Fatal("the browser has no session")
	return ""
}

func token(id string) string { return regexp.MustCompile(`^[^-.]*`).FindString(id) }

// TestMSMSticky runs the sticky cases of memcached-session-manager's integration tests, under their names there, on
// real memcached and real app processes. Where msm behaves differently, differs says how and why.
func TestMSMSticky(t *testing.T) {
	for _, c := range []struct {
		name    string
		differs string
		nodes   int
		test    func(t *testing.T, c *cluster)
	}{
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
				return a.health().Saves == 2
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
			a := c.sticky("app1", "MSM_BACKUP_ASYNC=false")
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
			for range 10 {
				wantRead(b, 1)
			}
			if h := b.health(); h.Loads != 1 {
				t.Errorf("%d loads", h.Loads)
			}
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
		{"SecondaryBackupForNonStickySessionAfterMemcachedFailover", "non-sticky: see core's failover tests", 0, nil},
		{"ReconfigureMemcachedNodesAtRuntimeFeature46, ReconfigureFailoverNodesAtRuntimeFeature46", "by Manager.SetNodes: see core's sticky tests", 0, nil},
	} {
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
