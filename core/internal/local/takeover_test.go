package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
)

// TestATakeoverLooksOnceMore: what the former instance stores after a takeover, of requests that it had begun to serve, is
// seen by the new one, also if that has written meanwhile. (Seed 146 of the simulation of requests.)
func TestATakeoverLooksOnceMore(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		former, present := w.start(local.Config{Route: "a"}), w.start(local.Config{Route: "b"})
		s := former.begin("t")
		settle()
		time.Sleep(20 * time.Millisecond) // beside the looks for notices
		taken, err := present.TakeOver(context.Background(), "t", nodeOf(s), "a")
		present.must(err)
		present.must(change(taken, plus("n", 10)))
		time.Sleep(50 * time.Millisecond)
		present.must(change(s, plus("n", 100))) // stored 50 ms after what the new instance has changed
		time.Sleep(time.Second)
		if got := value(taken, "n"); got != "111" {
			t.Errorf("the new instance has n = %s; want 111", got)
		}
	})
}
