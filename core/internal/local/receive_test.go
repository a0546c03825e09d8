package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestAnEndCountsMost checks that an instance that hears several messages about one session at once ends the session
// itself if one of them is an end. The order does not matter, nor do the versions: the message of an end has none.
func TestAnEndCountsMost(t *testing.T) {
	for name, heard := range map[string][]mailbox.Kind{
		"it was taken over, and has ended":                 {mailbox.Taken, mailbox.Ended},
		"it has ended, and was taken over":                 {mailbox.Ended, mailbox.Taken},
		"it was changed, and has ended":                    {mailbox.Changed, mailbox.Ended},
		"it has ended, and was changed":                    {mailbox.Ended, mailbox.Changed},
		"it was taken over, and is to end":                 {mailbox.Taken, mailbox.End},
		"it is to end, and was taken over":                 {mailbox.End, mailbox.Taken},
		"it was changed, and is to end":                    {mailbox.Changed, mailbox.End},
		"it is to end, and was changed":                    {mailbox.End, mailbox.Changed},
		"it was changed, has ended, and was changed again": {mailbox.Changed, mailbox.Ended, mailbox.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, 1, func(w *world) {
				a := w.start(local.Config{Route: "a"})
				s := a.begin("t")
				settle()
				version := w.stored(nodeOf(s), "t").Version
				var list []mailbox.Message
				for _, kind := range heard {
					m := mailbox.Message{Kind: kind, Session: sid.HashOf("t")}
					if kind == mailbox.Taken || kind == mailbox.Changed {
						version++
						m.Version = version
					}
					list = append(list, m)
				}
				a.hear(list...)
				if a.Get("t") != nil || len(w.holds("t")) > 0 {
					t.Errorf("it lives on, in memory: %v, on %v", a.Get("t") != nil, w.holds("t"))
				}
			})
		})
	}
}

// TestAnEndWaitsForNoWrite: G6. An instance that hears of an end serves the session no more from that moment, whatever
// it has not stored yet, and nothing that it stores in the midst of that is left.
func TestAnEndWaitsForNoWrite(t *testing.T) {
	for name, unstored := range map[string]func(w *world, a *instance, s *session){
		"all is stored":   func(*world, *instance, *session) { settle() },
		"a change waits":  func(_ *world, a *instance, s *session) { settle(); a.must(change(s, plus("n", 1))) },
		"the first waits": func(*world, *instance, *session) {},
		"a write is on its way": func(w *world, a *instance, s *session) {
			settle()
			w.all(nodetest.Slow(20 * time.Millisecond))
			a.must(change(s, plus("n", 1)))
			time.Sleep(80 * time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, 1, func(w *world) {
				a := w.start(local.Config{Route: "a"})
				unstored(w, a, a.begin("t"))
				rest := a.Store.Receive([]mailbox.Message{{Kind: mailbox.Ended, Session: sid.HashOf("t")}})
				if a.Get("t") != nil {
					t.Error("it is served")
				}
				for _, task := range rest {
					a.must(task(context.Background()))
				}
				settle()
				if held := w.holds("t"); len(held) > 0 || a.Gauges().PendingChanges != 0 {
					t.Errorf("it lives on, on %v; %d changes wait", held, a.Gauges().PendingChanges)
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
		a.hear(mailbox.Message{Kind: mailbox.Ended, Session: sid.HashOf("t")})
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
