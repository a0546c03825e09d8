package msm_test

import (
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// TestAFlappingNode: F-04. A node that comes and goes costs nobody a count or an error.
func TestAFlappingNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2)
	v := c.visitors(1)
	client := v.clients[0]
	for i := range 5 {
		for n := range 4 {
			resp, err := client.Post(c.URL, "", nil)
			if err != nil || resp.StatusCode != 200 {
				t.Fatal(resp, err)
			}
			resp.Body.Close()
			if n == 1 {
				c.servers["n1"].Kill()
			}
		}
		c.servers["n1"].Restart()
		if i%2 == 0 { // sometimes it is gone again before anyone saw it
			c.waitUntilAllUp(t)
		}
	}
	visit(c.manager, c.cookie(client), func(s *msm.Session) {
		if count.Get(s) != 20 {
			t.Errorf("count %d", count.Get(s))
		}
	})
}

// TestAnEvictedCopy: F-12. If one copy was evicted the session is served and repaired. If both were it is a new one,
// without an error.
func TestAnEvictedCopy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		home, backup bool
		found        bool
	}{
		"the home's":   {true, false, true},
		"the backup's": {false, true, true},
		"both":         {true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			list, servers := startServers(t, 2)
			m := newManager(t, msm.Config{Nodes: list, RefillRate: msm.NoRefill})
			id := begin(t, m, func(s *msm.Session) { add(s) })
			for node, server := range servers {
				if node == nodeOf(id) && c.home || node != nodeOf(id) && c.backup {
					evict(t, server)
				}
			}
			resp := visit(m, id, func(s *msm.Session) {
				if (count.Get(s) == 1) != c.found {
					t.Errorf("count %d", count.Get(s))
				}
				add(s)
			})
			if resp.StatusCode != 200 {
				t.Error(resp.StatusCode)
			}
			if c.found {
				for node, server := range servers {
					waitFor(t, "a copy on "+node, func() bool { return len(sessionKeys(server)) == 1 })
				}
			}
		})
	}
}

func sessionKeys(s *msmtest.Server) (keys []string) {
	for _, key := range s.Keys() {
		if strings.HasPrefix(key, "msm:s:") {
			keys = append(keys, key)
		}
	}
	return keys
}

func evict(t *testing.T, s *msmtest.Server) {
	t.Helper()
	client := direct(t, s)
	for _, key := range sessionKeys(s) {
		if err := client.Delete(key); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFlushedNode: F-03. Somebody sends flush_all to a node again and again: it loses what it has, and no connection
// ends. That costs nobody a count or an error, and a session that was changed since has two copies again.
func TestAFlushedNode(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	v := c.visitors(32)
	v.begin()
	client := direct(t, c.servers["n1"])
	for range 4 {
		v.rounds(3)
		if err := client.FlushAll(); err != nil {
			t.Fatal(err)
		}
	}
	v.rounds(3)
	v.end()
	v.check()
	healed(t, c.manager)
	c.servers["n2"].Kill()
	v.check()
}

// TestBothNodesOfASessionLost: F-39. The session is gone, without an error, and its visitor gets a new one.
func TestBothNodesOfASessionLost(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2)
	id := begin(t, c.manager, func(s *msm.Session) { add(s) })
	for _, s := range c.servers {
		s.Kill()
	}
	for _, s := range c.servers {
		s.Restart()
	}
	waitFor(t, "an answer", func() bool { return visit(c.manager, id, func(*msm.Session) {}).StatusCode == 200 })
	c.waitUntilAllUp(t)
	for want := 1; want <= 3; want++ {
		resp := visit(c.manager, id, func(s *msm.Session) {
			if n := add(s); n != want {
				t.Errorf("count %d; want %d", n, want)
			}
		})
		if resp.StatusCode != 200 {
			t.Error(resp.StatusCode)
		}
		id = idOf(resp, id)
	}
}

// TestATokenOfBeforeARestart: F-41. A server that restarts counts CAS tokens from the start, so an old one may fit
// another value.
func TestATokenOfBeforeARestart(t *testing.T) {
	t.Parallel()
	c := startClusterWith(t, 2, msm.Config{RefillRate: msm.NoRefill}) // only the test's own requests restore what a restart took
	id := begin(t, c.manager, func(s *msm.Session) { count.Set(s, 0) })
	for i := range 10 {
		resp := visit(c.manager, id, func(slow *msm.Session) {
			n := count.Get(slow) // from here on its CAS token is known
			c.servers[nodeOf(id)].Kill()
			c.servers[nodeOf(id)].Restart()
			visit(c.manager, id, func(s *msm.Session) { add(s) })
			_ = n
			add(slow)
		})
		if resp.StatusCode != 200 {
			t.Fatal(resp.StatusCode)
		}
		id = idOf(resp, id)
		c.waitUntilAllUp(t)
		visit(c.manager, id, func(s *msm.Session) {
			if count.Get(s) != 2*(i+1) {
				t.Fatalf("count %d; want %d", count.Get(s), 2*(i+1))
			}
		})
		waitFor(t, "two copies", func() bool { // without them the next restart would be a second fault
			return len(sessionKeys(c.servers["n1"])) == 1 && len(sessionKeys(c.servers["n2"])) == 1
		})
		healed(t, c.manager)
		waitForWhatIsOwed(t, c.manager) // a key may be that of an older copy
	}
}

// TestAHotSession: F-49. Many requests of one session do not hold up another one.
func TestAHotSession(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, Locking: msm.LockAll, LockWait: patience})
	hot, other := begin(t, m, func(s *msm.Session) { add(s) }), begin(t, m, func(s *msm.Session) { add(s) })
	end := make(chan struct{})
	running := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		parallel(40, func(int) {
			visit(m, hot, func(*msm.Session) {
				select {
				case running <- struct{}{}:
				default:
				}
				<-end
			})
		})
	}()
	<-running
	visit(m, other, func(s *msm.Session) { add(s) }) // must not wait
	close(end)
	<-done
}
