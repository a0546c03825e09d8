package msm_test

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// tomcats is two instances on real memcached, and a browser: the setting of NonStickySessionsIntegrationTest in
// memcached-session-manager (MSM).
type tomcats struct {
	t       *testing.T
	tc1     *msm.Manager
	tc2     *msm.Manager
	servers map[string]*msmtest.Server

	mu sync.Mutex
	id string // the browser's cookie
}

func startTomcats(t *testing.T, nodes int, config msm.Config) *tomcats {
	config.Nodes, config.RefillRate = "", msm.NoRefill
	list, servers := startServers(t, nodes)
	if config.Nodes = list; nodes == 1 {
		config.Nodes = servers["n1"].Addr() // as localhost:port
	}
	if config.LockWait == 0 {
		config.LockWait = patience
	}
	config.LockExpiry = patience // no stall of this process ends a lock
	return &tomcats{t: t, tc1: newManager(t, config), tc2: newManager(t, config), servers: servers}
}

// do sends a request to an instance with the browser's cookie, and keeps the cookie of the response.
func (c *tomcats) do(tc *msm.Manager, request string, handler func(s *msm.Session)) *http.Response {
	c.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	c.mu.Lock()
	cookie := withCookie("SESSION=" + c.id)
	c.mu.Unlock()
	h := tc.Middleware(handlerOf(handler))
	resp := exchange(h, method, path, cookie)
	if resp.StatusCode != http.StatusOK {
		c.t.Errorf("%s: %d", request, resp.StatusCode)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = idOf(resp, c.id)
	return resp
}

// meanwhile sends a request, and returns when its handler runs; wait waits for its end.
func (c *tomcats) meanwhile(tc *msm.Manager, request string, handler func(s *msm.Session)) (wait func()) {
	running, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		c.do(tc, request, func(s *msm.Session) {
			close(running)
			handler(s)
		})
	}()
	<-running
	return func() { <-done }
}

// keys returns the names of the attributes that an instance reads.
func (c *tomcats) keys(tc *msm.Manager) (keys []string) {
	c.do(tc, "GET /", func(s *msm.Session) { keys = s.Keys() })
	return keys
}

func (c *tomcats) check(tc *msm.Manager, want ...string) {
	c.t.Helper()
	if keys := c.keys(tc); !slices.Equal(keys, want) {
		c.t.Errorf("attributes %v; want %v", keys, want)
	}
}

func set(name string) func(*msm.Session) { return func(s *msm.Session) { s.Set(name, "v") } }

func slowlySet(name string) func(*msm.Session) {
	return func(s *msm.Session) {
		time.Sleep(200 * time.Millisecond)
		s.Set(name, "v")
	}
}

func nothing(*msm.Session) {}

// items returns the first characters of the keys that a server has, without those of the nodes' own bookkeeping.
func (c *tomcats) items(node string) (kinds []string) {
	client := direct(c.t, c.servers[node])
	for _, key := range c.servers[node].Keys() {
		_, err := client.Get(key)
		if err != nil && !errors.Is(err, memcache.ErrCacheMiss) {
			c.t.Error(err)
		}
		if err == nil && !slices.Contains([]string{"msm:epoch", "msm:used", "msm:news"}, key) { // the bookkeeping
			kinds = append(kinds, key[:len("msm:s")])
		}
	}
	slices.Sort(kinds)
	return kinds
}

// each runs a test in several modes.
func each(modes []msm.Locking, test func(t *testing.T, mode msm.Locking)) func(*testing.T) {
	return func(t *testing.T) {
		for _, mode := range modes {
			t.Run(string(mode), func(t *testing.T) {
				t.Parallel()
				test(t, mode)
			})
		}
	}
}

var (
	everyPath = msm.LockURI(regexp.MustCompile(".*"))
	locking   = []msm.Locking{msm.LockAll, msm.LockAuto, everyPath}
	lockModes = []msm.Locking{msm.LockNone, msm.LockAll, msm.LockAuto, everyPath}
)
