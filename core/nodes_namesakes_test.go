package msm_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/memcache"
)

// TestAnotherServerUnderANodesID: G2, G6. A node gets another address in a rolling deploy, while the old server still
// runs. Instances with either list serve requests. The newest cookie never shows an old value, and a logout is final.
func TestAnotherServerUnderANodesID(t *testing.T) {
	for mode, config := range map[string]msm.Config{"non-sticky": {}, "sticky": {Sticky: true, BackupSync: true, Backups: 1}} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2)
				w.servers["m1"] = &fake{memory: memcache.NewMemory(memcache.MemoryOptions{})}
				old := w.manager(config)
				id := ""
				for !strings.HasPrefix(nodeOf(id), "n1") {
					id = begin(t, old, func(s *msm.Session) { add(s) })
				}
				time.Sleep(time.Second)
				w.nodes = strings.Replace(w.nodes, "n1:n1:", "n1:m1:", 1)
				fresh := w.manager(config)
				visited := func(m *msm.Manager, f func(*msm.Session)) {
					resp := visit(m, id, f)
					if resp.StatusCode != 200 {
						t.Fatalf("answered %d", resp.StatusCode)
					}
					for _, c := range sessionCookies(resp) {
						if c.MaxAge >= 0 {
							id = c.Value
						}
					}
				}
				dead := id
				for n := 2; n < 8; n++ {
					for _, m := range []*msm.Manager{fresh, old} {
						visited(m, func(s *msm.Session) {
							if got := count.Get(s); got != n-1 {
								t.Errorf("%d of %d counts are there", got, n-1)
							}
						})
					}
					visited(fresh, func(s *msm.Session) { add(s) })
				}
				visited(fresh, func(s *msm.Session) { s.Destroy() })
				time.Sleep(time.Second)
				for _, cookie := range []string{dead, id} {
					visit(old, cookie, func(s *msm.Session) {
						if !s.IsNew() {
							t.Error("a session that was logged out is accepted")
						}
					})
				}
				uses := func(m *msm.Manager) bool { return m.Stats().Nodes[0].State == msm.NodeUp }
				time.Sleep(5 * time.Minute)
				if uses(old) || !uses(fresh) {
					t.Errorf("after five minutes: the old server is used: %v, the younger one: %v", uses(old), uses(fresh))
				}
				if err := fresh.Close(context.Background()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				if !uses(old) {
					t.Error("nobody reaches another server any more, and the old one is not used")
				}
				visit(old, dead, func(s *msm.Session) {
					if !s.IsNew() {
						t.Error("a session that was logged out is accepted when the server is used again")
					}
				})
			})
		})
	}
}

// TestARestartIsNoOtherServer checks that a restarted server stays in use, although instances learn of the restart one
// after the other.
func TestARestartIsNoOtherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2)
		first, second := w.manager(msm.Config{}), w.manager(msm.Config{})
		for range 20 {
			time.Sleep(time.Second)
			w.servers["n1"].restart()
			third := w.manager(msm.Config{}) // it tells the others which server it reaches
			time.Sleep(2 * time.Second)
			for _, m := range []*msm.Manager{first, second, third} {
				if state := m.Stats().Nodes[0].State; state != msm.NodeUp {
					t.Fatalf("the node is %v", state)
				}
			}
			_ = third.Close(context.Background())
		}
	})
}
