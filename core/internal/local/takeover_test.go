package local_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// takenOver returns a session that began at one instance and was taken over by another a moment ago. The former
// instance does not hear of it for another quarter of a second.
func (w *world) takenOver(sync bool) (former, present *instance, s, taken *session) {
	w.t.Helper()
	former, present = w.start(local.Config{Route: "a", Sync: sync}), w.start(local.Config{Route: "b", Sync: sync})
	s = former.begin("t")
	settle()
	former.gate = make(chan struct{})
	time.AfterFunc(250*time.Millisecond, func() { close(former.gate) })
	taken, err := present.TakeOver(context.Background(), "t", nodeOf(s), "a")
	present.must(err)
	return former, present, s, taken
}

// TestTwoTakeOverAtOnce checks that the record names the instance that serves the session, which a logout elsewhere and
// the next takeover have to tell. (Seed 12 of the simulation of requests.)
func TestTwoTakeOverAtOnce(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		former := w.start(local.Config{Route: "a", Sync: true})
		first, second := w.start(local.Config{Route: "b", Sync: true}), w.start(local.Config{Route: "c", Sync: true})
		node := nodeOf(former.begin("t"))
		settle()
		home := w.servers[node]
		home.Fail(nodetest.Once(writes, func() { // the backup has what the first one stores, the home (primary) does not
			home.Fail(nil)
			second.takeOver("t", node)
		}))
		_, err := first.TakeOver(context.Background(), "t", node, "c")
		first.must(err)
		settle()
		elsewhere := w.start(local.Config{Route: "d"})
		elsewhere.must(elsewhere.End(context.Background(), "t", elsewhere.replica.Open("t", node)))
		settle()
		for route, in := range map[string]*instance{"b": first, "c": second} {
			if in.Get("t") != nil {
				t.Errorf("%s still serves what has ended", route)
			}
		}
	})
}

// TestATakeoverThatFails checks that an instance whose takeover has failed stores nothing later: what it has in memory
// is not the truth. (Seed 655 of the random plays.)
func TestATakeoverThatFails(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		former, present, s, taken := w.takenOver(true)
		node := nodeOf(s)
		present.must(change(taken, plus("n", 1)))
		w.servers[node].Fail(off)
		if _, err := former.TakeOver(context.Background(), "t", node, "b"); !errors.Is(err, replica.ErrUnavailable) {
			t.Errorf("a takeover from a node that is off: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
		present.must(change(taken, plus("n", 1)))
		settle()
		w.wantStored("t", nodeOf(taken), "n", "3")
	})
}

// TestATakeoverIsOne checks that many requests with the id that the former instance gave make one takeover: those
// beside the one that took the session over, and all those of a client that keeps its first id. Each costs a look at
// the nodes, and sees what is there.
func TestATakeoverIsOne(t *testing.T) {
	for name, sync := range map[string]bool{"sync": true, "async": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, 1, func(w *world) {
				former, present, s, _ := w.takenOver(sync)
				old := nodeOf(s)
				settle()
				before := w.count(writes)
				for range 20 {
					taken, err := present.TakeOver(context.Background(), "t", old, "a")
					present.must(err)
					if got := value(taken, "n"); got != "1" {
						t.Errorf("n = %s; want 1", got)
					}
				}
				settle()
				if n := w.count(writes); n != before || present.Takeovers.Load() != 1 {
					t.Errorf("%d writes, %d takeovers", n-before, present.Takeovers.Load())
				}
				w.all(nodetest.Slow(10 * time.Millisecond))
				for i := range 5 { // the client's own changes are no reason for another takeover
					taken, err := present.TakeOver(context.Background(), "t", old, "a")
					present.must(err)
					present.must(change(taken, plus("n", 1)))
					time.Sleep(time.Duration(i) * 40 * time.Millisecond) // some requests find the session on its way to a node
				}
				settle()
				w.all(nil)
				if n := present.Takeovers.Load(); n != 1 {
					t.Errorf("%d takeovers", n)
				}
				back, err := former.TakeOver(context.Background(), "t", old, "b")
				former.must(err)
				former.must(change(back, plus("n", 10)))
				settle()
				taken, err := present.TakeOver(context.Background(), "t", old, "a")
				present.must(err)
				if got := value(taken, "n"); got != "16" || present.Takeovers.Load() != 2 {
					t.Errorf("after the former instance took it back: n = %s, want 16; %d takeovers", got, present.Takeovers.Load())
				}
			})
		})
	}
}

// TestATakeoverOfWhatIsHere takes over a session that was taken over already, and that nobody has stored since. There
// is nothing to do, but only if a node that has the session says so.
func TestATakeoverOfWhatIsHere(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(w *world, former *instance, s *session)
		want      string // the value of n; empty: there is no session
	}{
		"its node is silent": {func(w *world, _ *instance, s *session) { w.servers[nodeOf(s)].Fail(off) }, "1"},
		"its node was restarted empty": {func(w *world, _ *instance, s *session) {
			w.servers[nodeOf(s)].Restart(nil)
		}, "1"},
		"the former instance has stored something": {func(_ *world, former *instance, s *session) {
			former.must(change(s, plus("n", 10)))
			time.Sleep(120 * time.Millisecond)
		}, "11"},
		"the former instance has ended it": {func(_ *world, former *instance, s *session) {
			former.must(s.Destroy(context.Background()))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, 1, func(w *world) {
				former, present, s, _ := w.takenOver(false)
				c.meanwhile(w, former, s)
				taken, err := present.TakeOver(context.Background(), "t", nodeOf(s), "a")
				if c.want == "" {
					if !errors.Is(err, replica.ErrNoSession) {
						t.Errorf("%v", err)
					}
					return
				}
				present.must(err)
				if got := value(taken, "n"); got != c.want {
					t.Errorf("n = %s; want %s", got, c.want)
				}
			})
		})
	}
}
