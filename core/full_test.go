package msm_test

import (
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// TestFullNodesAreNotDown: nodes that are full and do not evict (memcached -M) refuse to store. As they answer,
// sessions that are only read stay readable.
func TestFullNodesAreNotDown(t *testing.T) {
	t.Parallel()
	list := "n1:" + msmtest.StartServer(t, "-M", "-m", "4").Addr() + ",n2:" + msmtest.StartServer(t, "-M", "-m", "4").Addr()
	m := newManager(t, msm.Config{Nodes: list})
	h := m.Middleware(handlerOf(func(s *msm.Session) { s.Set("upload", make([]byte, 100<<10)) }))
	reads := m.Middleware(handlerOf(func(s *msm.Session) { count.Get(s) }))
	reader := sessionOf(t, h)
	for refused := 0; refused < 10; {
		if resp := exchange(h, "POST", "/", nil); resp.StatusCode != http.StatusOK {
			refused++
		}
	}
	for range 20 {
		exchange(h, "POST", "/", nil) // refused
		for _, n := range m.Stats().Nodes {
			if n.State != msm.NodeUp {
				t.Fatalf("%s is %s, though it answers", n.ID, n.State)
			}
		}
		if resp := exchange(reads, "GET", "/", withCookie("SESSION="+reader)); resp.StatusCode != http.StatusOK {
			t.Fatalf("a session that is there: %d", resp.StatusCode)
		}
	}
}
