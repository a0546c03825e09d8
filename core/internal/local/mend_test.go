package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAMendWaitsForTheLook checks G8 when a node hangs and a request has run out of time on it. Until the next probe
// has told what is wrong, only requests may meet the node again: they would have to wait for writes that only repair
// copies.
func TestAMendWaitsForTheLook(t *testing.T) {
	inModes(t, 2, 1, func(w *world, a *instance) {
		s := a.begin("t")
		settle()
		hung := w.servers["n1"]
		if nodeOf(s) == "n1" {
			hung = w.servers["n2"]
		}
		about := func(op nodetest.Op) bool { return reads(op) || writes(op) }
		met := hung.Count(about)
		hung.Fail(func(context.Context, nodetest.Op, func() error) error {
			time.Sleep(opTimeout)
			return nodetest.ErrLost
		})
		a.must(change(s, plus("n", 1)))
		settle()
		if n := hung.Count(about) - met; n != 1 {
			w.t.Errorf("%d operations have met the hung node; want that of the request", n)
		}
		hung.Fail(nil)
		settle()
		if got := w.holds("t"); len(got) != 2 {
			w.t.Errorf("on %v in the end", got)
		}
	})
}
