package node_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestTrouble: what is said of a node that is of no help is what came of asking it last, and not that requests did without it.
func TestTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(n *node.Node, s *nodetest.Server)
		want string // empty: it is available
	}{
		"it has not been asked": {func(*node.Node, *nodetest.Server) {}, "node n1 (n1), down for 3s: it has not answered yet"},
		"its first probe failed": {func(n *node.Node, s *nodetest.Server) {
			s.Fail(nodetest.Refuse(nodetest.ErrOff))
			_ = n.Probe(context.Background())
		}, "node n1 (n1), down for 3s: probe: connection refused"},
		"a request failed, and then it was to be replaced": {func(n *node.Node, s *nodetest.Server) {
			_ = n.Probe(context.Background())
			s.Fail(nodetest.Refuse(nodetest.ErrOff))
			_, _ = n.Get(context.Background(), "k")
			n.Replace()
		}, "node n1 (n1), down for 3s: get: connection refused"},
		"what it has may be stale": {func(n *node.Node, _ *nodetest.Server) {
			_ = n.Probe(context.Background())
			n.Replace()
		}, "node n1 (n1), down for 3s: what it has may be stale, so it is looked at anew"},
		"it was to be replaced, and then a probe failed": {func(n *node.Node, s *nodetest.Server) {
			_ = n.Probe(context.Background())
			n.Replace()
			s.Fail(nodetest.Refuse(nodetest.ErrOff))
			_ = n.Probe(context.Background())
		}, "node n1 (n1), down for 3s: probe: connection refused"},
		"it is back": {func(n *node.Node, _ *nodetest.Server) {
			_ = n.Probe(context.Background())
			n.Replace()
			_ = n.Probe(context.Background())
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := nodetest.New("n1")
				n := instance(s)
				c.do(n, s)
				time.Sleep(3 * time.Second)
				trouble, down := n.Trouble()
				if down != (c.want != "") || down && trouble.String() != c.want {
					t.Errorf("%v: %s; want %q", down, trouble, c.want)
				}
			})
		})
	}
}

func TestATroubleWithoutAName(t *testing.T) {
	for want, of := range map[string]node.Trouble{
		"node (cache1:11211): connection refused": {Address: "cache1:11211", Why: nodetest.ErrOff},
		"node n9: connection refused":             {ID: "n9", Why: nodetest.ErrOff},
	} {
		if got := of.String(); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}
