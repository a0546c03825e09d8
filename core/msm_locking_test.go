package msm_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
	return &tomcats{t: t, tc1: newManager(t, config), tc2: newManager(t, config), servers: servers}
}

// do sends a request to an instance with the browser's cookie, and keeps the cookie of the response.
func (c *tomcats) do(tc *msm.Manager, request string, handler func(s *msm.Session)) *http.Response {
	c.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	c.mu.Lock()
	cookie := withCookie("SESSION=" + c.id)
	c.mu.Unlock()
	h := tc.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(msm.From(r.Context())) }))
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
	client := memcache.New(c.servers[node].Addr())
	defer client.Close()
	for _, key := range c.servers[node].Keys() {
		if _, err := client.Get(key); err == nil && !slices.Contains([]string{"msm:epoch", "msm:used", "msm:news"}, key) { // the bookkeeping
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

// TestMSMLocking runs the cases of MSM's NonStickySessionsIntegrationTest, and those of its defects W-12 to W-22.
func TestMSMLocking(t *testing.T) {
	t.Parallel()
	outlives := func(timeout time.Duration) func(*testing.T) {
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
	for name, test := range map[string]func(t *testing.T){
		"a session that never ends is loaded from its backup (Issue120)":      outlives(10 * 365 * 24 * time.Hour),
		"a session of more than 30 days is loaded from its backup (Issue104)": outlives(15*24*time.Hour + time.Second),
		"locks with a single node without id (SessionLockingSupportedWithSingleNodeSetup)": each(locking, func(t *testing.T, mode msm.Locking) {
			c := startTomcats(t, 1, msm.Config{Locking: mode})
			c.do(c.tc1, "POST /", set("k1"))
			c.do(c.tc2, "POST /", set("k2"))
			c.check(c.tc1, "k1", "k2")
		}),
		"two requests at once in one instance (Issue111); W-22": each(lockModes, func(t *testing.T, mode msm.Locking) {
			c := startTomcats(t, 2, msm.Config{Locking: mode})
			c.do(c.tc1, "POST /", set("k1"))
			wait := c.meanwhile(c.tc1, "POST /a", slowlySet("k2"))
			c.do(c.tc1, "POST /b", set("k3"))
			wait()
			c.check(c.tc2, "k1", "k2", "k3")
		}),
		"a read in the other instance waits for the writer (Issue111)": each([]msm.Locking{msm.LockAll, everyPath}, func(t *testing.T, mode msm.Locking) {
			c := startTomcats(t, 2, msm.Config{Locking: mode})
			c.do(c.tc1, "POST /", set("k1"))
			wait := c.meanwhile(c.tc1, "POST /a", slowlySet("k2"))
			c.check(c.tc2, "k1", "k2")
			wait()
		}),
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
		"two requests at once in two instances (ParallelRequestsDontCauseDataLoss)": each(lockModes, func(t *testing.T, mode msm.Locking) {
			c := startTomcats(t, 2, msm.Config{Locking: mode})
			c.do(c.tc1, "POST /", set("k1"))
			wait := c.meanwhile(c.tc1, "POST /a", slowlySet("k2"))
			c.do(c.tc2, "POST /b", set("k3"))
			wait()
			c.check(c.tc1, "k1", "k2", "k3")
		}),
		"what only reads does not wait, once that is known (ReadOnlyRequestsDontLockSessionForAutoLocking)": func(t *testing.T) {
			c := startTomcats(t, 2, msm.Config{Locking: msm.LockAuto})
			c.do(c.tc1, "POST /", set("k1"))
			c.keys(c.tc1)
			end := make(chan struct{})
			write := c.meanwhile(c.tc1, "POST /", func(s *msm.Session) { s.Set("k2", 1); <-end })
			read := c.meanwhile(c.tc1, "GET /", func(*msm.Session) { <-end }) // with a lock it would wait for the writer forever
			c.check(c.tc1, "k1")
			close(end)
			read()
			write()
			c.check(c.tc1, "k1", "k2")
		},
		"paths that the pattern matches wait, others do not (RequestsDontLockSessionForNotMatchingUriPattern); W-12": func(t *testing.T) {
			c := startTomcats(t, 2, msm.Config{Locking: msm.LockURI(regexp.MustCompile("^/locked"))})
			c.do(c.tc1, "POST /", set("k1"))
			var over atomic.Bool
			end, second := make(chan struct{}), make(chan struct{})
			first := c.meanwhile(c.tc1, "POST /locked/1?x=y", func(*msm.Session) { <-end; over.Store(true) })
			c.do(c.tc2, "GET /other?path=/locked", nothing) // with a lock it would wait for the first one forever
			go func() {
				defer close(second)
				c.do(c.tc2, "POST /locked/2", func(*msm.Session) {
					if !over.Load() { // MSM's test does not check that anything waits, and nothing did
						t.Error("a request that the pattern matches did not wait for another one")
					}
				})
			}()
			time.Sleep(100 * time.Millisecond) // time enough for the second one to run too early
			close(end)
			first()
			<-second
		},
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
		"ignored requests neither wait nor change anything (IgnoredResources…DontCauseSessionStaleness)": each(locking, func(t *testing.T, mode msm.Locking) {
			c := startTomcats(t, 2, msm.Config{Locking: mode, Ignore: regexp.MustCompile(`\.gif$`)})
			c.do(c.tc1, "POST /", set("k1"))
			end := make(chan struct{})
			writer := c.meanwhile(c.tc2, "POST /", func(s *msm.Session) { <-end; s.Set("k2", 1) })
			if resp := c.do(c.tc1, "GET /pixel.gif", nothing); len(resp.Header["Set-Cookie"]) > 0 {
				t.Error("a cookie")
			}
			close(end)
			writer()
			c.do(c.tc1, "POST /", set("k3"))
			c.check(c.tc2, "k1", "k2", "k3")
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
		"W-13: a lock that is not ours any more stays": func(t *testing.T) {
			c := startTomcats(t, 1, msm.Config{Locking: msm.LockAll})
			c.do(c.tc1, "POST /", set("k1"))
			client := memcache.New(c.servers["n1"].Addr())
			defer client.Close()
			c.do(c.tc1, "POST /", func(s *msm.Session) {
				s.Has("k1") // it learns the lock's token
				for _, key := range c.servers["n1"].Keys() {
					if strings.HasPrefix(key, "msm:l:") {
						if err := client.Set(&memcache.Item{Key: key, Value: []byte("another"), Expiration: 60}); err != nil {
							t.Error(err)
						}
					}
				}
			})
			if items := c.items("n1"); !slices.Equal(items, []string{"msm:l", "msm:s"}) {
				t.Errorf("n1 has %v", items)
			}
		},
		"W-14, W-15: who does not get the lock is refused, and keeps the cookie": func(t *testing.T) {
			for name, disturb := range map[string]func(c *tomcats) (end func()){
				"another one has it": func(c *tomcats) func() {
					stop := make(chan struct{})
					wait := c.meanwhile(c.tc1, "POST /", func(*msm.Session) { <-stop })
					return func() { close(stop); wait() }
				},
				"its node does not answer": func(c *tomcats) func() {
					c.servers["n1"].Stop()
					return c.servers["n1"].Continue
				},
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					c := startTomcats(t, 1, msm.Config{Locking: msm.LockAll, LockWait: 2 * time.Second, OpTimeout: hangTimeout})
					c.do(c.tc1, "POST /", set("k"))
					end := disturb(c)
					h := c.tc2.Middleware(handlerOf(func(*msm.Session) { t.Error("its handler runs") }))
					resp := exchange(h, "POST", "/", withCookie("SESSION="+c.id))
					if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || len(resp.Header["Set-Cookie"]) > 0 {
						t.Errorf("%d %v", resp.StatusCode, resp.Header)
					}
					end()
				})
			}
		},
		"W-16: the lock is held until every copy is written": func(t *testing.T) {
			c := startTomcats(t, 2, msm.Config{Locking: msm.LockAll}) // its timeouts are long enough for a stopped node
			c.do(c.tc1, "POST /", set("k1"))
			backup := map[string]string{"n1": "n2", "n2": "n1"}[nodeOf(c.id)]
			first := c.meanwhile(c.tc1, "POST /", func(s *msm.Session) { s.Set("k2", 1); c.servers[backup].Stop() })
			var goesOn atomic.Bool
			second := make(chan struct{})
			go func() {
				defer close(second)
				if c.check(c.tc2, "k1", "k2"); !goesOn.Load() {
					t.Error("the next one did not wait for the backup")
				}
			}()
			time.Sleep(200 * time.Millisecond) // time enough for the second one to run too early
			goesOn.Store(true)
			c.servers[backup].Continue()
			first()
			<-second
		},
		"W-17: what is learnt does not depend on the query": func(t *testing.T) {
			c := startTomcats(t, 1, msm.Config{Locking: msm.LockAuto})
			c.do(c.tc1, "POST /", set("k"))
			for i := range 20 {
				c.do(c.tc1, fmt.Sprintf("GET /page?n=%d", i), func(s *msm.Session) { s.Keys() })
			}
			if s := c.tc1.Stats().Locks; s.Taken != 1 || s.Skipped != 19 || !slices.Equal(s.ReadOnly, []string{"GET /page"}) {
				t.Errorf("%+v", s)
			}
		},
		"W-20, W-21: a session whose request goes on in other goroutines": each(locking, func(t *testing.T, mode msm.Locking) {
			c := startTomcats(t, 2, msm.Config{Locking: mode})
			c.do(c.tc1, "POST /", set("k1"))
			c.do(c.tc1, "POST /", func(s *msm.Session) {
				var all sync.WaitGroup
				for i := range 8 {
					all.Go(func() { s.Set(fmt.Sprint("g", i), i) })
				}
				all.Wait()
			})
			c.check(c.tc2, "g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "k1")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
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
