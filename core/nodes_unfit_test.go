package msm_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// TestAServerThatCannotBeUsed checks that New and SetNodes refuse it and say what to do, and that SetNodes changes
// nothing then.
func TestAServerThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes func(t *testing.T, good string) string
		want  string
	}{
		"it has no CAS": {
			func(t *testing.T, good string) string {
				return "n1:" + good + ",n2:" + msmtest.StartServer(t, "-C").Addr()
			},
			"start memcached without -C",
		},
		"two names of one server": {
			func(t *testing.T, good string) string {
				return "n1:" + good + ",n2:" + msmtest.StartProxy(t, good).Addr()
			},
			"it is the same server as node n1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := msmtest.StartServer(t).Addr()
			nodes := c.nodes(t, good)
			want := "Nodes: node n2 (" + nodes[strings.LastIndex(nodes, ",n2:")+len(",n2:"):] + "): "
			refused := func(err error) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%v; want one line with %q and %q", err, want, c.want)
				}
			}
			m, err := msm.New(msm.Config{Nodes: nodes, OpTimeout: opTimeout, Logger: quiet})
			refused(err)
			if m != nil {
				t.Fatal("a manager")
			}
			m = newManager(t, msm.Config{Nodes: "n1:" + good})
			id := idOf(visit(m, "", addOne), "")
			refused(m.SetNodes(nodes, ""))
			if s := m.Stats().Nodes; len(s) != 1 || s[0].ID != "n1" {
				t.Errorf("nodes %v", s)
			}
			if resp := visit(m, id, func(s *msm.Session) { count.Set(s, count.Get(s)+1) }); resp.StatusCode != http.StatusOK {
				t.Errorf("status %d", resp.StatusCode)
			}
			if err := m.SetNodes("n1:"+good+",n2:"+msmtest.StartServer(t).Addr(), ""); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestANameOfALoadBalancer has two servers behind one address. Once visitors have met both, the node is not used any
// more, and the log says why, once.
func TestANameOfALoadBalancer(t *testing.T) {
	t.Parallel()
	servers := []string{msmtest.StartServer(t).Addr(), msmtest.StartServer(t).Addr()}
	other := msmtest.StartServer(t).Addr()
	var dials atomic.Int32
	log := &logged{}
	m := newManager(t, msm.Config{
		Nodes: "n1:cache:11211,n2:" + other, Logger: slog.New(slog.NewTextHandler(log, nil)),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == other {
				return (&net.Dialer{}).DialContext(ctx, network, other)
			}
			return (&net.Dialer{}).DialContext(ctx, network, servers[dials.Add(1)%2])
		},
	})
	waitFor(t, "the node to be down", func() bool {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { visit(m, idOf(visit(m, "", addOne), ""), addOne) })
		}
		all.Wait()
		return m.Stats().Nodes[0].State == msm.NodeDown
	})
	waitFor(t, "the log to say it", func() bool { return log.count("leads to several servers") == 1 })
	if resp := visit(m, "", addOne); resp.StatusCode != http.StatusOK {
		t.Errorf("status %d: there is another node", resp.StatusCode)
	}
}
