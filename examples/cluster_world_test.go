package examples

import (
	"fmt"
	"net/http/cookiejar"
	"strings"
	"testing"

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
