package local_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// aboutSessions chooses the operations on sessions, as reads and writes do.
func aboutSessions(op nodetest.Op) bool { return reads(op) || writes(op) }

// hangs returns the fault of a server that hangs once a session is to be read or written there. A probe that began
// before may tell nothing: else it decides how long the node is suspect.
func hangs() nodetest.Fault {
	var hung atomic.Bool
	return func(_ context.Context, op nodetest.Op, do func() error) error {
		if !aboutSessions(op) && !hung.Load() {
			return do()
		}
		time.Sleep(opTimeout)
		hung.Store(true)
		return nodetest.ErrLost
	}
}

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
		met := hung.Count(aboutSessions)
		hung.Fail(hangs())
		a.must(change(s, plus("n", 1)))
		settle()
		if n := hung.Count(aboutSessions) - met; n != 1 {
			w.t.Errorf("%d operations have met the hung node; want that of the request", n)
		}
		hung.Fail(nil)
		settle()
		if got := w.holds("t"); len(got) != 2 {
			w.t.Errorf("on %v in the end", got)
		}
	})
}

// TestAUseWaitsForTheLook checks rule H16 for a session that no request is behind: its use is due while a node is
// suspect, because a request of another session has run out of time there. It meets that node only once a probe has
// told what is wrong.
func TestAUseWaitsForTheLook(t *testing.T) {
	inModes(t, 2, 1, func(w *world, a *instance) {
		busy, idling := a.begin("t"), a.begin("u")
		time.Sleep(idle / 2)
		a.must(change(busy, plus("n", 1)))
		settle()
		hung := w.servers["n1"]
		met := hung.Count(aboutSessions)
		hung.Fail(hangs())
		var request sync.WaitGroup
		request.Go(func() { a.must(change(busy, plus("n", 1))) })
		for !a.replica.Suspects() {
			time.Sleep(time.Millisecond)
		}
		idling.Use(time.Now())
		request.Wait()
		settle()
		if n := hung.Count(aboutSessions) - met; n != 1 {
			w.t.Errorf("%d operations have met the hung node; want that of the request", n)
		}
		hung.Fail(nil)
		settle()
		for _, token := range []string{"t", "u"} {
			if got := w.holds(token); len(got) != 2 {
				w.t.Errorf("%s is on %v in the end", token, got)
			}
		}
	})
}
