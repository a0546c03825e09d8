package node_test

import (
	"testing"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAnEpochIsReplacedOnce, however many instances find at one moment that nobody knows what on the node is stale.
func TestAnEpochIsReplacedOnce(t *testing.T) {
	s := nodetest.New("s")
	var all []*node.Node
	for range 3 {
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch"})
		if err := n.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	old := all[0].Epoch()
	for _, n := range all {
		n.ReplaceEpoch(old)
		if n.Available() {
			t.Error("it is available before it was looked at")
		}
	}
	for _, n := range all {
		if err := n.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n.Epoch() == old || n.Epoch() != all[0].Epoch() {
			t.Errorf("epoch %x, after %x, and %x is the others'", n.Epoch(), old, all[0].Epoch())
		}
	}
}
