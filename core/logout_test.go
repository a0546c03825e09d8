package msm_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

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

var races = flag.Int("races", 400, "how often TestALogoutAmongSlowWriters has a writer and a logout meet; make soak: 10000")

// TestALogoutAmongSlowWriters: F-24, G6. Again and again a slow writer and a logout of one session meet, in two
// instances. The session never comes back.
func TestALogoutAmongSlowWriters(t *testing.T) {
	t.Parallel()
	for mode, config := range map[string]msm.Config{
		"non-sticky":         {},
		"non-sticky, locked": {Locking: msm.LockAll, LockWait: patience},
		"sticky, async":      {Sticky: true},
		"sticky, sync":       {Sticky: true, BackupSync: true},
	} {
		t.Run(mode, func(t *testing.T) {
			config.Nodes, _ = startServers(t, 2)
			writes, logsOut := newManager(t, config), newManager(t, config)
			if config.Sticky {
				logsOut = writes
			}
			var back, late atomic.Int64
			parallel(8, func(int) {
				for range *races / 8 {
					id := begin(t, writes, func(s *msm.Session) { add(s) })
					done := make(chan struct{})
					go func() {
						defer close(done)
						resp := visit(writes, id, func(s *msm.Session) {
							count.Get(s)
							time.Sleep(rand.N(500 * time.Microsecond))
							add(s)
						})
						if resp.StatusCode != 200 {
							late.Add(1)
						}
					}()
					time.Sleep(rand.N(500 * time.Microsecond))
					if resp := visit(logsOut, id, func(s *msm.Session) { s.Destroy() }); resp.StatusCode != 200 {
						t.Errorf("logout: %d", resp.StatusCode)
					}
					<-done
					for _, m := range []*msm.Manager{writes, logsOut} {
						visit(m, id, func(s *msm.Session) {
							if !s.IsNew() {
								back.Add(1)
							}
						})
					}
				}
			})
			if back.Load() > 0 {
				t.Errorf("%d of %d came back", back.Load(), *races)
			}
			t.Logf("%d of %d writers were too late", late.Load(), *races)
		})
	}
}

// TestALogoutBeforeItsSessionIsStored: G6. A sticky instance has made a session, which it stores a moment later. A
// logout or login reaches another instance before that, which does not find the session. It ends all the same.
func TestALogoutBeforeItsSessionIsStored(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*msm.Session){"logout": destroy, "login": func(s *msm.Session) { _ = s.Renew() }}
	for list, known := range map[string]int{"the same nodes": 3, "two of three nodes": 2, "one of three nodes": 1} {
		for name, end := range ends {
			for _, late := range []int{0, 50, 99, 100, 150, 300} {
				t.Run(fmt.Sprint(name, " at an instance with ", list, ", ", late, " ms later"), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newNetwork(t, 3)
						first := w.manager(msm.Config{Sticky: true, Backups: 1, Route: "a"})
						w.nodes = nodesUpTo(known)
						second := w.manager(msm.Config{Sticky: true, Backups: 1, Route: "b"})
						for range 6 { // with different primaries
							id := idOf(visit(first, "", addOne), "")
							time.Sleep(time.Duration(late) * time.Millisecond)
							if resp := visit(second, id, end); resp.StatusCode != http.StatusOK {
								t.Fatal(resp.StatusCode)
							}
							time.Sleep(time.Second)
							for _, m := range []*msm.Manager{first, second} {
								visit(m, id, func(s *msm.Session) {
									if !s.IsNew() {
										t.Errorf("the session of %s is back", nodeOf(id))
									}
								})
							}
						}
					})
				})
			}
		}
	}
}

// nodesUpTo returns a list of the first nodes of a network.
func nodesUpTo(n int) string {
	list := ""
	for i := range n {
		list += fmt.Sprintf(",n%d:n%d:11211", i+1, i+1)
	}
	return list[1:]
}

// TestLogoutBeatsWhatBeganBefore: F-24, F-25. Neither a slow writer nor a login brings a destroyed session back.
func TestLogoutBeatsWhatBeganBefore(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]func(*msm.Session){
		"a slow writer": func(s *msm.Session) { add(s) },
		"a login":       func(s *msm.Session) { _ = s.Renew() },
	} {
		t.Run(name, func(t *testing.T) {
			var got error
			m := newManager(t, msm.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { got = err }})
			id := begin(t, m, func(s *msm.Session) { s.Set("a", 1) })
			resp := visit(m, id, func(s *msm.Session) {
				visit(m, id, func(s *msm.Session) { s.Destroy() })
				slow(s)
			})
			if !errors.Is(got, msm.ErrGone) || len(resp.Header["Set-Cookie"]) > 0 {
				t.Errorf("%v %v", got, resp.Header)
			}
			visit(m, id, func(s *msm.Session) {
				if !s.IsNew() {
					t.Error("it came back")
				}
			})
		})
	}
}
