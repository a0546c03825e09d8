package msm_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/msmtest"
)

const thinkTime = 20 * time.Millisecond

// cluster is an app on real memcached processes.
type cluster struct {
	*app
	manager *msm.Manager
	servers map[string]*msmtest.Server
}

// counting returns a handler that counts POST / in the session, shows the count at GET /, and logs out at POST /logout.
func counting(m *msm.Manager) http.Handler {
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := msm.From(r.Context())
		switch {
		case r.URL.Path == "/logout":
			s.Destroy()
		case r.Method == "POST":
			fmt.Fprint(w, add(s))
		default:
			fmt.Fprint(w, count.Get(s))
		}
	}))
}

func startServers(t testing.TB, n int) (list string, servers map[string]*msmtest.Server) {
	servers = map[string]*msmtest.Server{}
	var nodes []string
	for i := range n {
		id := fmt.Sprintf("n%d", i+1)
		servers[id] = msmtest.StartServer(t)
		nodes = append(nodes, id+":"+servers[id].Addr())
	}
	return strings.Join(nodes, ","), servers
}

func startCluster(t testing.TB, n int) *cluster {
	t.Helper()
	return startClusterWith(t, n, msm.Config{})
}

// startFragile starts a cluster in which a node is going to hang.
func startFragile(t testing.TB, n int) *cluster {
	t.Helper()
	return startClusterWith(t, n, msm.Config{OpTimeout: hangTimeout})
}

func startClusterWith(t testing.TB, n int, config msm.Config) *cluster {
	t.Helper()
	list, servers := startServers(t, n)
	config.Nodes = list
	m := newManager(t, config)
	return &cluster{serve(t, counting(m)), m, servers}
}

// nodeOf returns the part of an id that follows the token: the session's node, and the route if there is one.
func nodeOf(id string) string {
	_, node, _ := strings.Cut(id, "-")
	return node
}

func (c *cluster) cookie(client *http.Client) string {
	for _, cookie := range client.Jar.Cookies(mustURL(c.URL)) {
		if cookie.Name == "SESSION" {
			return cookie.Value
		}
	}
	return ""
}

func (c *cluster) settled() bool {
	for _, n := range c.manager.Stats().Nodes {
		if n.State != msm.NodeUp {
			return false
		}
	}
	return true
}

func (c *cluster) waitUntilAllUp(t testing.TB) {
	t.Helper()
	waitFor(t, "all nodes up", c.settled)
}

// visitors are clients that each count in a session of their own.
type visitors struct {
	cluster *cluster
	clients []*http.Client
	acked   []int
	answers []atomic.Int64 // responses to each of them
	slowest atomic.Int64   // nanoseconds; logged, and not judged
	stop    chan struct{}
	done    sync.WaitGroup
}

func (c *cluster) visitors(n int) *visitors {
	v := &visitors{cluster: c, acked: make([]int, n), answers: make([]atomic.Int64, n), stop: make(chan struct{})}
	transport := &http.Transport{MaxIdleConnsPerHost: n}
	c.t.Cleanup(transport.CloseIdleConnections)
	for range n {
		jar, _ := cookiejar.New(nil)
		v.clients = append(v.clients, &http.Client{Jar: jar, Transport: transport})
	}
	return v
}

func (v *visitors) begin() {
	for i := range v.clients {
		v.done.Go(func() {
			for {
				select {
				case <-v.stop:
					return
				case <-time.After(thinkTime):
				}
				v.count(i)
			}
		})
	}
}

func (v *visitors) end() {
	close(v.stop)
	v.done.Wait()
}

// rounds waits until every visitor has had n responses to requests that began after the call.
func (v *visitors) rounds(n int64) {
	v.cluster.t.Helper()
	waitForRounds(v.cluster.t, v.answers, n)
}

// answered returns how many responses all of them have had.
func (v *visitors) answered() (n int64) {
	for i := range v.answers {
		n += v.answers[i].Load()
	}
	return n
}

// told returns what was measured, for the log.
func (v *visitors) told() string {
	return fmt.Sprintf("%d requests, the slowest took %v, %+v", v.answered(), time.Duration(v.slowest.Load()), v.cluster.manager.Stats())
}

func (v *visitors) count(i int) {
	began := time.Now()
	n := v.ask(i, "POST")
	took := int64(time.Since(began))
	for old := v.slowest.Load(); took > old && !v.slowest.CompareAndSwap(old, took); old = v.slowest.Load() {
	}
	v.answers[i].Add(1)
	if n >= 0 {
		if n != v.acked[i]+1 {
			v.cluster.t.Errorf("visitor %d: counted %d after %d", i, n, v.acked[i])
		}
		v.acked[i] = n
	}
}

func (v *visitors) ask(i int, method string) int {
	req, _ := http.NewRequest(method, v.cluster.URL, nil)
	a := &app{v.cluster.Server, v.clients[i], v.cluster.t}
	resp, body := a.send(req)
	n, err := strconv.Atoi(body)
	if resp.StatusCode != 200 || err != nil {
		v.cluster.t.Errorf("visitor %d: %s answers %d %q", i, method, resp.StatusCode, body)
		return -1
	}
	return n
}

func (v *visitors) check() {
	v.cluster.t.Helper()
	for i, want := range v.acked {
		if n := v.ask(i, "GET"); n != want {
			v.cluster.t.Errorf("visitor %d: %d of %d acknowledged counts are there", i, n, want)
		}
	}
}

func (v *visitors) on(node string) (n int) {
	for _, client := range v.clients {
		if nodeOf(v.cluster.cookie(client)) == node {
			n++
		}
	}
	return n
}

// TestKilledNode: F-01, F-03, F-38, G1, G3, G8. A node dies under load and comes back empty. Only the sessions'
// requests repair its copies; TestRefill shows the other way.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	c := startClusterWith(t, 3, msm.Config{RefillRate: msm.NoRefill})
	idle, v := c.visitors(32), c.visitors(24)
	for i := range idle.clients {
		idle.count(i)
	}
	v.begin()
	v.rounds(5)
	if v.on("n1") == 0 || idle.on("n1") == 0 {
		t.Fatal("no session began on n1")
	}
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
	proxy.Reset()
	v.rounds(3)
	if got := about("msm:s:", proxy); len(got) > 0 {
		t.Errorf("commands to a node that was known to hang: %v", got)
	}
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
					break1(c, backup)
					c.waitUntilAllUp(t)
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

// post counts, and fails the test if that is not acknowledged.
func (c *cluster) post() {
	c.t.Helper()
	if resp, body := c.do("POST", "/"); resp.StatusCode != http.StatusOK {
		c.t.Errorf("POST: %d %s", resp.StatusCode, body)
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

// TestLogoutIsFinal: F-40, G6. Whatever hangs or dies while the visitor logs out, the old cookie is worth nothing after.
func TestLogoutIsFinal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes int
		// what happens before and after the logout, given the session's primary
		before, after func(c *cluster, primary string)
	}{
		"no fault": {2, func(*cluster, string) {}, func(*cluster, string) {}},
		"the primary hangs and goes on": {3,
			func(c *cluster, p string) { c.servers[p].Stop() },
			func(c *cluster, p string) { c.servers[p].Continue() }},
		"the primary of two hangs and goes on": {2,
			func(c *cluster, p string) { c.servers[p].Stop() },
			func(c *cluster, p string) { c.servers[p].Continue() }},
		"the primary dies and comes back": {3,
			func(c *cluster, p string) { c.servers[p].Kill() },
			func(c *cluster, p string) { c.servers[p].Restart() }},
		"the session had moved away from a node that hung": {3,
			func(c *cluster, p string) {
				c.servers[p].Stop()
				c.do("POST", "/")
				c.servers[p].Continue()
				c.waitUntilAllUp(c.t)
			},
			func(*cluster, string) {}},
		"a backup hangs and goes on": {2,
			func(c *cluster, p string) { c.servers[other(p)].Stop() },
			func(c *cluster, p string) { c.servers[other(p)].Continue() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := startFragile(t, c.nodes)
			cl.do("POST", "/")
			first := cl.cookie(cl.browser)
			c.before(cl, nodeOf(first))
			last := cl.cookie(cl.browser)
			if resp, body := cl.do("POST", "/logout"); resp.StatusCode != 200 || sessionCookies(resp)[0].MaxAge >= 0 {
				t.Errorf("logout: %d %q %v", resp.StatusCode, body, resp.Header)
			}
			if cl.cookie(cl.browser) != "" {
				t.Error("the browser still has a cookie")
			}
			c.after(cl, nodeOf(first))
			for round := range 2 { // at once, and when every node is used again
				for _, old := range []string{first, last} {
					for _, node := range append([]string{nodeOf(old)}, "n1", "n2", "n3") {
						id := strings.Split(old, "-")[0] + "-" + node
						if got := cl.countOf(id); got != "0" {
							t.Errorf("round %d: the old cookie, to %s, counts %s", round, node, got)
						}
					}
				}
				cl.waitUntilAllUp(t)
			}
		})
	}
}

func other(node string) string {
	if node == "n1" {
		return "n2"
	}
	return "n1"
}

// countOf returns the count that a client with this cookie is shown.
func (c *cluster) countOf(id string) string {
	req, _ := http.NewRequest("GET", c.URL, nil)
	req.AddCookie(&http.Cookie{Name: "SESSION", Value: id})
	bare := &app{c.Server, c.Client(), c.t}
	_, body := bare.send(req)
	return body
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

// TestFailoverNode: MSM's failover nodes. One is used only while no other is available.
func TestFailoverNode(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, FailoverNodes: "n1", Backups: msm.NoBackup})
	c := &cluster{serve(t, counting(m)), m, servers}
	v := c.visitors(8)
	for i := range v.clients {
		v.count(i)
	}
	if v.on("n2") != 8 {
		t.Errorf("%d of 8 sessions are on n2", v.on("n2"))
	}
	servers["n2"].Kill()
	c.do("POST", "/")
	if got := nodeOf(c.cookie(c.browser)); got != "n1" {
		t.Errorf("with n2 down a session begins on %q", got)
	}
	servers["n2"].Restart()
	state(t, m, "n2", msm.NodeUp)
	c.do("POST", "/")
	if _, body := c.do("POST", "/"); body != "3" || nodeOf(c.cookie(c.browser)) != "n2" {
		t.Errorf("with n2 up again it counts %s on %q", body, nodeOf(c.cookie(c.browser)))
	}
	waitFor(t, "the session to leave n1", func() bool { return copiesOn(t, servers["n1"], "n1") == 0 })
}

// copiesOn returns how many sessions have a copy on a node. What a delivery has put over an older copy, while the session was about to
// leave the node, is none.
func copiesOn(t *testing.T, server *msmtest.Server, id string) (n int) {
	t.Helper()
	client := memcache.NewMemcached(server.Addr(), memcache.ClientOptions{Timeout: opTimeout})
	defer client.Close()
	for _, key := range server.Keys() {
		if !strings.HasPrefix(key, "msm:s:") {
			continue
		}
		item, err := client.Get(t.Context(), key)
		if errors.Is(err, memcache.ErrMiss) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		rec, err := record.Decode(item.Value)
		if err != nil {
			t.Fatal(err)
		}
		if _, has := rec.Copy(id); has {
			n++
		}
	}
	return n
}

// TestSetNodes: F-26, F-27, G10. The list changes while sessions live.
func TestSetNodes(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 3)
	entries := strings.Split(list, ",")
	m := newManager(t, msm.Config{Nodes: strings.Join(entries[:2], ",")})
	c := &cluster{serve(t, counting(m)), m, servers}
	v := c.visitors(16)
	for i := range v.clients {
		v.count(i)
	}
	before := v.on("n1")
	if err := m.SetNodes(list, ""); err != nil {
		t.Fatal(err)
	}
	v.check()
	if v.on("n3") != 0 || v.on("n1") != before {
		t.Error("adding a node moved a session")
	}
	if err := m.SetNodes(strings.Join(entries[1:], ","), ""); err != nil {
		t.Fatal(err)
	}
	v.check()
	if v.on("n1") != 0 {
		t.Error("a removed node is still in a cookie")
	}
	if err := m.SetNodes("n1:a:1,n1:b:2", ""); err == nil || len(m.Stats().Nodes) != 2 {
		t.Errorf("a bad list: %v, %v", err, m.Stats().Nodes)
	}
	v.check()
}
