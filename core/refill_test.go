package msm_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestRefill: G3. Sessions that nobody asks for survive the second node's death as well, because the first one was
// refilled when it came back; and who has logged out stays so.
func TestRefill(t *testing.T) {
	for name, fault := range map[string]func(c *cluster, meanwhile func()){
		"after a restart without data": func(c *cluster, meanwhile func()) {
			meanwhile()
			c.servers["n1"].Kill()
			c.servers["n1"].Restart()
		},
		"after an outage that requests met": func(c *cluster, meanwhile func()) {
			c.servers["n1"].Kill()
			meanwhile()
			c.servers["n1"].Restart()
		},
		"after a return with old values": func(c *cluster, meanwhile func()) {
			c.servers["n1"].Stop()
			meanwhile()
			c.servers["n1"].Continue()
		},
	} {
		t.Run(name, func(t *testing.T) {
			const sessions = 1000
			c := startCluster(t, 2)
			c.waitForRefill(t, "n1", time.Time{}) // of a new node: nothing to do
			v := c.visitors(sessions)
			v.each(v.count)
			began := time.Now()
			fault(c, func() {
				v.each(func(i int) {
					if i%4 == 0 {
						v.count(i)
					}
				})
				v.logOut(func(i int) bool { return i%4 == 1 })
			})
			r := c.waitForRefill(t, "n1", began)
			if r.Healed != sessions || r.Done != sessions || r.Failed != 0 {
				t.Errorf("%+v; want %d healed", r, sessions)
			}
			t.Logf("%+v, %v after the fault began", r, r.Ended.Sub(began))
			c.servers["n2"].Kill()
			v.check()
		})
	}
}

// waitForRefill waits until a node was refilled after the moment.
func (c *cluster) waitForRefill(t testing.TB, id string, after time.Time) (r msm.RefillStats) {
	t.Helper()
	waitFor(t, "the refill of "+id, func() bool {
		for _, n := range c.manager.Stats().Nodes {
			if n.ID == id && n.Refill != nil {
				r = *n.Refill
			}
		}
		return r.Ended.After(after) && r.State == msm.RefillDone
	})
	return r
}

// each visitor does something, 32 at a time.
func (v *visitors) each(do func(i int)) {
	var all sync.WaitGroup
	for worker := range 32 {
		all.Go(func() {
			for i := worker; i < len(v.clients); i += 32 {
				do(i)
			}
		})
	}
	all.Wait()
}

// logOut lets some visitors log out and keep their old cookie.
func (v *visitors) logOut(who func(i int) bool) {
	v.each(func(i int) {
		if !who(i) {
			return
		}
		old := v.cluster.cookie(v.clients[i])
		req, _ := http.NewRequest("POST", v.cluster.URL+"/logout", nil)
		a := &app{v.cluster.Server, v.clients[i], v.cluster.t}
		if resp, _ := a.send(req); resp.StatusCode != 200 {
			v.cluster.t.Errorf("visitor %d: logout answers %d", i, resp.StatusCode)
		}
		v.clients[i].Jar.SetCookies(mustURL(v.cluster.URL), []*http.Cookie{{Name: "SESSION", Value: old, Path: "/"}})
		v.acked[i] = 0
	})
}
