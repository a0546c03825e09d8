package msm_test

import (
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

func upload(s *msm.Session) { s.Set("upload", make([]byte, 700_000)) }

// TestNodesWithOtherItemSizes has one server that takes items of up to 512 KiB only (memcached -I).
func TestNodesWithOtherItemSizes(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, others int) (m *msm.Manager, servers []*msmtest.Server) {
		servers = []*msmtest.Server{msmtest.StartServer(t, "-I", "512k")}
		list := "n1:" + servers[0].Addr()
		for _, id := range []string{"n2", "n3"}[:others] {
			servers = append(servers, msmtest.StartServer(t))
			list += "," + id + ":" + servers[len(servers)-1].Addr()
		}
		return newManager(t, msm.Config{Nodes: list, MaxSessionSize: 1_000_000}), servers
	}
	t.Run("beside one other it refuses a change, and the session goes on", func(t *testing.T) {
		m, _ := start(t, 1)
		for range 8 { // so that both nodes are primaries
			id := idOf(visit(m, "", addOne), "")
			if resp := visit(m, id, upload); resp.StatusCode != http.StatusInternalServerError {
				t.Errorf("the upload is answered %d", resp.StatusCode)
			}
			visit(m, id, func(s *msm.Session) {
				if n := add(s); n != 2 {
					t.Errorf("counted %d after 1", n)
				}
			})
		}
	})
	t.Run("beside two others these keep it, and one of them may die", func(t *testing.T) {
		m, servers := start(t, 2)
		var ids []string
		for range 8 {
			id := idOf(visit(m, "", addOne), "")
			resp := visit(m, id, upload)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("the upload is answered %d", resp.StatusCode)
			}
			ids = append(ids, idOf(resp, id))
		}
		healed(t, m)
		servers[1].Kill()
		for _, id := range ids {
			resp := visit(m, id, func(s *msm.Session) {
				if n := add(s); n != 2 || len(msm.Get[[]byte](s, "upload")) != 700_000 {
					t.Errorf("counted %d after 1; %d bytes", n, len(msm.Get[[]byte](s, "upload")))
				}
			})
			if resp.StatusCode != http.StatusOK {
				t.Errorf("with one node dead: %d", resp.StatusCode)
			}
		}
	})
}
