package msm_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	msm "github.com/gomsm/msm/core"
)

// tomcatsDefects are the cases of MSM's defects W-12 to W-22.
var tomcatsDefects = map[string]func(t *testing.T){
	"W-13: a lock that is not ours any more stays": func(t *testing.T) {
		c := startTomcats(t, 1, msm.Config{Locking: msm.LockAll})
		c.do(c.tc1, "POST /", set("k1"))
		client := direct(t, c.servers["n1"])
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
		c := startTomcats(t, 2, msm.Config{Locking: msm.LockAll, OpTimeout: patience}) // long enough for a stopped node
		c.do(c.tc1, "POST /", set("k1"))
		backup := map[string]string{"n1": "n2", "n2": "n1"}[nodeOf(c.id)]
		stopped := make(chan struct{})
		first := c.meanwhile(c.tc1, "POST /", func(s *msm.Session) {
			s.Set("k2", 1)
			c.servers[backup].Stop()
			close(stopped)
		})
		<-stopped
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
		if s := c.tc1.Stats().Locks; s.Acquired != 1 || s.Skipped != 19 || !slices.Equal(s.ReadOnly, []string{"GET /page"}) {
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
}
