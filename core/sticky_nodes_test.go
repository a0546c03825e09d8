package msm_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// stickyNodes are cases in which nodes fail, their list changes, or requests reach two instances.
var stickyNodes = map[string]func(t *testing.T, config msm.Config){
	"a visitor with parallel requests meets a balancer that changes its mind": func(t *testing.T, config msm.Config) {
		config.Nodes, _ = startServers(t, 2)
		a := newManager(t, config)
		config.Route = "b"
		b := newManager(t, config)
		id := begin(t, a, func(s *msm.Session) { add(s) })
		written(t, a) // until then no other instance knows the session
		var done atomic.Int64
		parallel(8, func(i int) {
			mine := id
			for n := range 25 {
				m := []*msm.Manager{a, b}[(i+n/5)%2]
				w := visit(m, mine, func(s *msm.Session) { add(s); s.Set(fmt.Sprint(i, "-", n), true) })
				if w.StatusCode == http.StatusOK {
					done.Add(1)
				}
				mine = idOf(w, mine)
			}
		})
		if done.Load() != 200 {
			t.Errorf("%d of 200 answered", done.Load())
		}
		written(t, a)
		written(t, b)
		config.Route = "c"
		visit(newManager(t, config), id, func(s *msm.Session) {
			if n := count.Get(s); n != 201 || len(s.Keys()) != 201 {
				t.Errorf("count %d, %d attributes", n, len(s.Keys()))
			}
		})
	},
	"without any node nothing changes for the visitor": func(t *testing.T, config msm.Config) {
		list, servers := startServers(t, 2)
		config.Nodes, config.RefillRate = list, msm.NoRefill // it moves to no node that dies a moment later
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		written(t, m)
		for _, server := range servers {
			server.Kill()
		}
		for node := range servers {
			state(t, m, node, msm.NodeDown)
		}
		for n := 2; n <= 4; n++ {
			w := visit(m, id, func(s *msm.Session) {
				if add(s) != n {
					t.Errorf("count %d; want %d", count.Get(s), n)
				}
			})
			if w.StatusCode != 200 || len(sessionCookies(w)) > 0 {
				t.Errorf("status %d, cookies %v", w.StatusCode, sessionCookies(w))
			}
		}
		for node, server := range servers {
			server.Restart()
			state(t, m, node, msm.NodeUp)
		}
		written(t, m)
	},
	"nodes change at run time: a session of a node that is gone gets another one": func(t *testing.T, config msm.Config) {
		list, servers := startServers(t, 2)
		config.Nodes, config.FailoverNodes = "n1:"+servers["n1"].Addr(), ""
		m := newManager(t, config)
		id := begin(t, m, func(s *msm.Session) { add(s) })
		if err := m.SetNodes(list, "n2"); err != nil { // MSM's ReconfigureMemcachedNodesAtRuntimeFeature46
			t.Fatal(err)
		}
		if w := visit(m, id, func(s *msm.Session) { add(s) }); len(sessionCookies(w)) > 0 {
			t.Error("an added node moved a session")
		}
		if err := m.SetNodes("n2:"+servers["n2"].Addr(), ""); err != nil {
			t.Fatal(err)
		}
		w := visit(m, id, func(s *msm.Session) { add(s) })
		now := idOf(w, id)
		if !strings.HasSuffix(now, "-n2.a") {
			t.Errorf("id %s", now)
		}
		written(t, m)
		config.Nodes, config.Route = "n2:"+servers["n2"].Addr(), "b"
		visit(newManager(t, config), now, func(s *msm.Session) {
			if count.Get(s) != 3 {
				t.Errorf("count %d", count.Get(s))
			}
		})
	},
	"failover nodes change at run time: new sessions follow": func(t *testing.T, config msm.Config) {
		list, _ := startServers(t, 3)
		config.Nodes, config.FailoverNodes = list, "n2,n3"
		m := newManager(t, config)
		if id := begin(t, m, func(s *msm.Session) { add(s) }); !strings.HasSuffix(id, "-n1.a") {
			t.Errorf("id %s", id)
		}
		if err := m.SetNodes(list, "n1,n2"); err != nil { // MSM's ReconfigureFailoverNodesAtRuntimeFeature46
			t.Fatal(err)
		}
		if id := begin(t, m, func(s *msm.Session) { add(s) }); !strings.HasSuffix(id, "-n3.a") {
			t.Errorf("id %s", id)
		}
	},
}
