package local_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// takenOver returns a session that began at one instance and was taken over by another a moment ago. The former
// instance does not hear of it for another quarter of a second.
func (w *world) takenOver(sync bool) (former, present *instance, s, taken *local.Session) {
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

// TestWhatTheFormerInstanceStores checks that the new instance sees what the former one stores after a takeover, for
// requests that it had begun to serve, even if the new one has written meanwhile. (Seed 146 of the simulation of
// requests.)
func TestWhatTheFormerInstanceStores(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		_, present, s, taken := w.takenOver(false)
		present.must(change(taken, plus("n", 10)))
		time.Sleep(50 * time.Millisecond)
		present.must(change(s, plus("n", 100))) // stored 50 ms after what the new instance has changed
		time.Sleep(time.Second)
		taken, err := present.get("t", nodeOf(taken))
		present.must(err)
		if got := value(taken, "n"); got != "111" {
			t.Errorf("the new instance has n = %s; want 111", got)
		}
	})
}

// TestAnOldCookieTakesOver comes to an instance with its old cookie. The instance has let the session go, and another
// one has served it since. What comes through the first one must be seen by the other. (Seed 660 of the simulation of
// requests.)
func TestAnOldCookieTakesOver(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		former, present := w.start(local.Config{Route: "a"}), w.start(local.Config{Route: "b"})
		node := nodeOf(former.begin("t"))
		settle()
		_, err := present.TakeOver(context.Background(), "t", node, "a")
		present.must(err)
		settle()
		s, err := former.get("t", node)
		former.must(err)
		former.must(change(s, plus("n", 1)))
		settle()
		seen, err := present.get("t", node)
		present.must(err)
		if got := value(seen, "n"); got != "2" {
			t.Errorf("the other instance has n = %s; want 2", got)
		}
	})
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

// TestAnOldCookieLosesNothing has an instance do without the node that the cookie names, and unable to replace its
// epoch yet. The instance that has served the session since is asked with that cookie. It must know what came later.
// (Seed 460 of the simulation of requests.)
func TestAnOldCookieLosesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		writes      int
		since, skew time.Duration
	}{
		"after a few writes":                              {writes: 3},
		"after more writes than are remembered":           {writes: 30},
		"ten seconds later":                               {writes: 30, since: 10 * time.Second},
		"the clock of who worked around the node is fast": {writes: 30, since: 10 * time.Second, skew: 25 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, 1, func(w *world) {
				cut, present := w.start(local.Config{Route: "a", Sync: true}), w.start(local.Config{Route: "b", Sync: true})
				cut.replica.Clock = func() time.Time { return time.Now().Add(c.skew) }
				s := cut.begin("t")
				old := nodeOf(s)
				time.Sleep(c.since)
				n, _ := cut.replica.Cluster.Node(old)
				n.MarkStale()
				cut.must(change(s, plus("n", 1)))
				taken, err := present.TakeOver(context.Background(), "t", nodeOf(s), "a")
				present.must(err)
				for range c.writes {
					present.must(change(taken, plus("n", 1)))
				}
				newest := nodeOf(taken)
				for _, by := range []string{old, newest} {
					taken, err = present.TakeOver(context.Background(), "t", by, "a")
					present.must(err)
					if got, want := value(taken, "n"), strconv.Itoa(c.writes+2); got != want {
						t.Errorf("by the cookie of %s: n = %s; want %s", by, got, want)
					}
				}
			})
		})
	}
}

// TestALogoutBeatsALaterClaim checks that a session ends when its instance hears of a logout, even if that instance
// could not reach the tombstone and has stored the session again, with a higher term. (Seed 3107 of the simulation of
// requests.)
func TestALogoutBeatsALaterClaim(t *testing.T) {
	inWorld(t, 3, 1, func(w *world) {
		a := w.start(local.Config{Route: "a", Sync: true})
		s := a.begin("t")
		for range 2 { // each gives the session another home, and so a higher term
			w.servers[nodeOf(s)].Restart(nil)
			settle()
			a.must(change(s, plus("n", 1)))
		}
		a.Store.Hear(context.Background(), []mailbox.Message{{Kind: mailbox.Ended, Session: sid.HashOf("t")}})
		if a.Get("t") != nil || len(w.holds("t")) > 0 {
			t.Errorf("it lives on, on %v", w.holds("t"))
		}
	})
}

// TestWhoStoodStillBringsNoLogoutBack has an instance that was halted for longer than its operations may last, so that
// it finds all its nodes failed at first. What it had not stored yet must not go to the one node that it tries next,
// over a logout that it cannot see there. (Found by the chaos test once its balancer did not wait for the halted
// instance.)
func TestWhoStoodStillBringsNoLogoutBack(t *testing.T) {
	for name, sync := range map[string]bool{"sync": true, "async": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 3, 1, func(w *world) {
				halted, other := w.start(local.Config{Route: "b", Sync: sync}), w.start(local.Config{Route: "a", Sync: sync})
				s := halted.begin("t")
				halted.must(change(s, plus("n", 1)))
				settle()
				taken, err := other.TakeOver(context.Background(), "t", nodeOf(s), "b")
				other.must(err)
				other.must(taken.Destroy(context.Background()))
				fail := func() {
					for _, c := range w.stored(nodeOf(taken), "t").Copies {
						n, _ := halted.replica.Cluster.Node(c.Node)
						n.MarkStale()
					}
				}
				fail()
				if err := change(s, plus("n", 1)); sync && err == nil {
					t.Error("it is told stored")
				}
				for range 200 { // until it would store what it has
					fail()
					time.Sleep(time.Millisecond)
				}
				settle()
				if held := w.holds("t"); len(held) > 0 || halted.Get("t") != nil {
					t.Errorf("it lives on, on %v", held)
				}
			})
		})
	}
}

// TestWhoServesKeepsTheSession checks that the present instance reads what the former one has stored. So its memory has
// it if a node is restarted empty then. (Seed 882 of the random plays.)
func TestWhoServesKeepsTheSession(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		former, _, s, _ := w.takenOver(false)
		former.must(change(s, plus("n", 100)))
		settle()
		w.servers["n1"].Restart(nil)
		settle()
		w.wantStored("t", "n1", "n", "101")
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
				if n := w.count(writes); n != before || present.Counts().Takeovers != 1 {
					t.Errorf("%d writes, %d takeovers", n-before, present.Counts().Takeovers)
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
				if n := present.Counts().Takeovers; n != 1 {
					t.Errorf("%d takeovers", n)
				}
				back, err := former.TakeOver(context.Background(), "t", old, "b")
				former.must(err)
				former.must(change(back, plus("n", 10)))
				settle()
				taken, err := present.TakeOver(context.Background(), "t", old, "a")
				present.must(err)
				if got := value(taken, "n"); got != "16" || present.Counts().Takeovers != 2 {
					t.Errorf("after the former instance took it back: n = %s, want 16; %d takeovers", got, present.Counts().Takeovers)
				}
			})
		})
	}
}

// TestATakeoverOfWhatIsHere takes over a session that was taken over already, and that nobody has stored since. There
// is nothing to do, but only if a node that has the session says so.
func TestATakeoverOfWhatIsHere(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(w *world, former *instance, s *local.Session)
		want      string // the value of n; empty: there is no session
	}{
		"its node is silent": {func(w *world, _ *instance, s *local.Session) { w.servers[nodeOf(s)].Fail(off) }, "1"},
		"its node was restarted empty": {func(w *world, _ *instance, s *local.Session) {
			w.servers[nodeOf(s)].Restart(nil)
		}, "1"},
		"the former instance has stored something": {func(_ *world, former *instance, s *local.Session) {
			former.must(change(s, plus("n", 10)))
			time.Sleep(120 * time.Millisecond)
		}, "11"},
		"the former instance has ended it": {func(_ *world, former *instance, s *local.Session) {
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

// TestWhomTheRecordNames checks that a write that is no takeover keeps the instance that the record names, and names its
// own one only if the record names none.
func TestWhomTheRecordNames(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		before func(w *world, node string) // what others do before the instance writes what it has in memory
		found  string                      // the instance that the record names then
		want   string
	}{
		"the instance itself": {func(*world, string) {}, "a", "a"},
		"another instance, which has taken the session over": {func(w *world, node string) {
			b := w.start(local.Config{Route: "b"})
			_, err := b.TakeOver(ctx, "t", node, "a")
			b.must(err)
		}, "b", "b"},
		"none, because an instance has written that is not sticky": {func(w *world, node string) {
			plain := w.start(local.Config{})
			_, err := plain.replica.Open("t", node).Write(ctx, func(*record.Record) error { return nil })
			plain.must(err)
		}, "", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, config := range modes {
				t.Run(mode, func(t *testing.T) {
					inWorld(t, 2, 1, func(w *world) {
						config.Route = "a"
						a := w.start(config)
						s := a.begin("t")
						settle()
						node := nodeOf(s)
						c.before(w, node)
						if route := w.stored(node, "t").Route; route != c.found {
							t.Fatalf("before, the record names %q; want %q", route, c.found)
						}
						a.must(change(s, plus("n", 1)))
						time.Sleep(150 * time.Millisecond) // the write-behind is done
						rec := w.stored(node, "t")
						if n, _ := rec.Get("n"); string(n) != "2" || rec.Route != c.want {
							t.Errorf("n = %s, and the record names %q; want 2, %q", n, rec.Route, c.want)
						}
					})
				})
			}
		})
	}
}
