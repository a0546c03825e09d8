package msm_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// cluster is an app on real memcached processes.
type cluster struct {
	*app
	manager *msm.Manager
	servers map[string]*msmtest.Server
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

func (c *cluster) cookie(client *http.Client) string {
	for _, cookie := range client.Jar.Cookies(mustURL(c.URL)) {
		if cookie.Name == "SESSION" {
			return cookie.Value
		}
	}
	return ""
}

func (c *cluster) waitUntilAllUp(t testing.TB) {
	t.Helper()
	waitFor(t, "all nodes up", func() bool { return allUp(c.manager) })
}

// post counts, and fails the test if that is not acknowledged.
func (c *cluster) post() {
	c.t.Helper()
	if resp, body := c.do("POST", "/"); resp.StatusCode != http.StatusOK {
		c.t.Errorf("POST: %d %s", resp.StatusCode, body)
	}
}

// startSmallNode starts a node that takes no session of 16 KiB.
func startSmallNode(t *testing.T) *msmtest.Server {
	t.Helper()
	return msmtest.StartServer(t, "-I", "16k", "-m", "64", "-o", "slab_chunk_max=16384")
}

// waitForRefill waits until a refill of the node has ended after that moment.
func waitForRefill(t testing.TB, m *msm.Manager, id string, after time.Time) (r msm.RefillStats) {
	t.Helper()
	waitFor(t, "the refill of "+id, func() bool {
		if s := refillOf(m, id); s != nil {
			r = *s
		}
		return r.Ended.After(after) && r.State == msm.RefillDone
	})
	return r
}

// waitForFirstRefills waits for the refills that all nodes get as new nodes. They have nothing to do yet; later they
// would do the work of others.
func waitForFirstRefills(t testing.TB, managers ...*msm.Manager) {
	t.Helper()
	for _, m := range managers {
		for _, n := range m.Stats().Nodes {
			waitForRefill(t, m, n.ID, time.Time{})
		}
	}
}

// refillOf returns the state of a node's refill.
func refillOf(m *msm.Manager, id string) *msm.RefillStats {
	for _, n := range m.Stats().Nodes {
		if n.ID == id {
			return n.Refill
		}
	}
	return nil
}
