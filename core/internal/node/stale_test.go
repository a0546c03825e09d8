package node_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAnEpochIsReplacedOnce has several instances call MarkEpochStale for the same epoch at the same moment.
func TestAnEpochIsReplacedOnce(t *testing.T) {
	s := nodetest.New("s")
	var all []*node.Node
	for range 3 {
		n := instance(s)
		mustProbe(t, n)
		all = append(all, n)
	}
	old := all[0].Epoch()
	for _, n := range all {
		n.MarkEpochStale(old)
		if n.Available() {
			t.Error("it is available before it was looked at")
		}
	}
	for _, n := range all {
		mustProbe(t, n)
		if n.Epoch() == old || n.Epoch() != all[0].Epoch() {
			t.Errorf("epoch %x, after %x, and %x is the others'", n.Epoch(), old, all[0].Epoch())
		}
	}
}

// TestANodeIsDoubted checks that a node is doubted for a while after it was away, and while other instances owe it
// something.
func TestANodeIsDoubted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := nodetest.New("s")
		n := instance(s)
		mustProbe(t, n)
		doubted := func(when string, want bool) {
			t.Helper()
			if n.Doubted() != want {
				t.Errorf("%s it is doubted: %v", when, !want)
			}
		}
		comesBack := func() {
			s.Fail(nodetest.Refuse(nodetest.ErrOff))
			_ = n.Probe(t.Context())
			s.Fail(nil)
			mustProbe(t, n)
		}
		doubted("at first", false)
		comesBack()
		doubted("when it is back", true)
		time.Sleep(2 * time.Second)
		doubted("two seconds later", false)
		n.Doubt(time.Minute)
		comesBack()
		time.Sleep(59 * time.Second)
		doubted("while it is owed something", true)
		n.Doubt(0)
		time.Sleep(2 * time.Second)
		doubted("after that", false)
	})
}
