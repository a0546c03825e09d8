package msm_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

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

// TestAFullNode: F-13. Sessions of a server that refuses to store are served by the others. Only the log tells the
// error.
func TestAFullNode(t *testing.T) {
	t.Parallel()
	full := msmtest.StartServer(t, "-M", "-m", "4")
	client := direct(t, full)
	for i := 0; ; i++ {
		err := client.Set(&memcache.Item{Key: fmt.Sprint("filler", i), Value: make([]byte, 10_000)})
		if err != nil && !errors.Is(err, memcache.ErrNoServers) {
			break
		}
	}
	m := newManager(t, msm.Config{Nodes: "n1:" + full.Addr() + ",n2:" + msmtest.StartServer(t).Addr() + ",n3:" + msmtest.StartServer(t).Addr()})
	for range 20 {
		id := ""
		for want := 1; want <= 3; want++ {
			resp := visit(m, id, func(s *msm.Session) {
				s.Set("large", make([]byte, 8000))
				if n := add(s); n != want {
					t.Errorf("count %d; want %d", n, want)
				}
			})
			if resp.StatusCode != 200 {
				t.Fatal(resp.StatusCode)
			}
			id = idOf(resp, id)
		}
	}
}
