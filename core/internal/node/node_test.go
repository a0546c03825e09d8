package node_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

var options = node.Options{EpochKey: "epoch"}

// instance returns an instance's node for a server.
func instance(s *nodetest.Server) *node.Node { return s.Node(s.Client(""), options) }

// newNode returns a node that is available, and its server.
func newNode(t *testing.T) (*node.Node, *nodetest.Server) {
	t.Helper()
	s := nodetest.New("n1")
	n := instance(s)
	if n.Available() || n.Epoch() != 0 {
		t.Error("available before its first probe")
	}
	if err := n.Probe(t.Context()); err != nil || !n.Available() || n.Epoch() == 0 {
		t.Fatalf("%v, epoch %x", err, n.Epoch())
	}
	return n, s
}

func mustProbe(t *testing.T, n *node.Node) {
	t.Helper()
	if err := n.Probe(t.Context()); err != nil || !n.Available() {
		t.Fatalf("%v, available: %v", err, n.Available())
	}
}

var operations = map[string]func(ctx context.Context, n *node.Node) error{
	"Get":          func(ctx context.Context, n *node.Node) error { _, err := n.Get(ctx, "a"); return err },
	"GetWithEpoch": func(ctx context.Context, n *node.Node) error { _, _, err := n.GetWithEpoch(ctx, "a"); return err },
	"Add":          func(ctx context.Context, n *node.Node) error { return n.Add(ctx, "a", memcache.Item{}, 0) },
	"Append":       func(ctx context.Context, n *node.Node) error { return n.Append(ctx, "a", []byte("x")) },
	"CompareAndSwap": func(ctx context.Context, n *node.Node) error {
		return n.CompareAndSwap(ctx, "a", memcache.Item{Token: 1}, 0)
	},
}

// TestBeforeTheFirstProbe checks that no operation is sent to a node before its first probe.
func TestBeforeTheFirstProbe(t *testing.T) {
	for op, do := range operations {
		s := nodetest.New("n1")
		if err := do(t.Context(), instance(s)); !errors.Is(err, node.ErrDown) || s.Count(nodetest.Any) != 0 {
			t.Errorf("%s: %v, %d calls", op, err, s.Count(nodetest.Any))
		}
	}
}
