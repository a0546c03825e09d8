package local_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
)

// TestTwoInstances checks what a load balancer may do to two instances.
func TestTwoInstances(t *testing.T) {
	for name, test := range map[string]func(w *world, a, b *instance){
		"a takeover finds the newest state, and makes a new version": func(w *world, a, b *instance) {
			s := a.begin("t")
			a.must(change(s, plus("n", 1)))
			settle()
			before := w.stored(nodeOf(s), "t").Version
			taken := b.takeOver("t", nodeOf(s))
			if value(taken, "n") != "2" || w.stored(nodeOf(s), "t").Version != before+1 {
				w.t.Errorf("n = %s, version %d after %d", value(taken, "n"), w.stored(nodeOf(s), "t").Version, before)
			}
		},
		"after a takeover the old instance's unsaved changes are merged, and its copy leaves": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			w.all(nodetest.Slow(30 * time.Millisecond))
			go a.change(s, "t", plus("n", 1))
			go a.change(s, "t", put("a", "x"))
			taken := b.takeOver("t", nodeOf(s))
			w.all(nil)
			b.must(change(taken, plus("n", 10)))
			b.must(change(taken, put("b", "y")))
			settle()
			for _, want := range [][2]string{{"n", "12"}, {"a", "x"}, {"b", "y"}} {
				w.wantStored("t", nodeOf(taken), want[0], want[1])
			}
		},
		"a balancer that flips between them never serves old values": func(w *world, a, b *instance) {
			s := a.begin("t")
			node, on, other := nodeOf(s), b, a
			for i := range 20 {
				time.Sleep(200 * time.Millisecond)
				s = on.takeOver("t", node)
				if value(s, "n") != fmt.Sprint(i+1) {
					w.t.Fatalf("flip %d: n = %s", i, value(s, "n"))
				}
				on.must(change(s, plus("n", 1)))
				on, other = other, on
			}
		},
		"both serve it at the same time: nothing of either is lost": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			b.takeOver("t", node)
			for i := range 50 {
				for name, x := range map[string]*instance{"a": a, "b": b} {
					for {
						s, err := x.get("t", node)
						x.must(err)
						if err = change(s, func(rec *record.Record) error {
							rec.Set(fmt.Sprint(name, i), []byte("1"))
							return plus("n", 1)(rec)
						}); !errors.Is(err, local.ErrRemoved) {
							x.must(err)
							break
						}
					}
				}
				time.Sleep(time.Duration(i) * time.Millisecond)
			}
			settle()
			w.wantStored("t", node, "n", "101")
			for i := range 50 {
				w.wantStored("t", node, fmt.Sprint("a", i), "1")
				w.wantStored("t", node, fmt.Sprint("b", i), "1")
			}
		},
		"an instance crashes: another one has what was stored": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			a.must(change(s, plus("n", 1)))
			time.Sleep(100 * time.Millisecond)
			node := nodeOf(s)
			a.crash()
			time.Sleep(10 * time.Second)
			if got := value(b.takeOver("t", node), "n"); got != "2" {
				w.t.Errorf("n = %s", got)
			}
		},
		"a logout at the other one ends it here, with its unsaved changes": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			b.must(b.takeOver("t", node).Destroy(context.Background()))
			_ = change(s, plus("n", 1))
			settle()
			if a.Get("t") != nil || a.Gauges().PendingChanges != 0 {
				w.t.Errorf("%+v", a.Gauges())
			}
			if got := w.holds("t"); len(got) != 0 {
				w.t.Errorf("on %v", got)
			}
		},
		"an old cookie finds nothing old where another instance has taken over, half a second later": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			taken, err := b.TakeOver(context.Background(), "t", node, "a")
			b.must(err)
			b.must(change(taken, plus("n", 1)))
			time.Sleep(500 * time.Millisecond)
			if a.Get("t") != nil {
				w.t.Error("the old copy is still served")
			}
			if s, err := a.get("t", node); err != nil || value(s, "n") != "2" {
				w.t.Errorf("%v", err)
			}
		},
		"so a logout at the other one is final here too, although the node with it dies": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			taken, err := b.TakeOver(context.Background(), "t", node, "a")
			b.must(err)
			b.must(taken.Destroy(context.Background()))
			time.Sleep(500 * time.Millisecond)
			w.servers[node].Restart(nil)
			settle()
			if a.Get("t") != nil || len(w.holds("t")) > 0 {
				w.t.Errorf("it is back, on %v", w.holds("t"))
			}
		},
		"what the old instance stores late is seen by the new one": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			a.must(change(s, plus("n", 1)))
			taken, err := b.TakeOver(context.Background(), "t", nodeOf(s), "a")
			b.must(err)
			if got := value(taken, "n"); got != "1" && !a.Sync {
				w.t.Errorf("n = %s: it was stored already", got)
			}
			settle()
			again, err := b.get("t", nodeOf(taken))
			b.must(err)
			if got := value(again, "n"); got != "2" {
				w.t.Errorf("n = %s", got)
			}
		},
		"a notice that is older than the session does nothing": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			_, err := b.TakeOver(context.Background(), "t", node, "a")
			b.must(err)
			_, err = a.TakeOver(context.Background(), "t", node, "b") // and back, before the message is read
			a.must(err)
			settle()
			if a.Get("t") == nil || b.Get("t") != nil {
				w.t.Error("the wrong copy has left")
			}
		},
		"a logout stays one, though a node loses it and an old copy is in memory": func(w *world, a, b *instance) {
			s := a.begin("t")
			settle()
			b.must(b.takeOver("t", nodeOf(s)).Destroy(context.Background()))
			time.Sleep(20 * time.Minute) // a tombstone of a minute would be gone
			a.Get("t")
			settle()
			if got := w.holds("t"); len(got) != 0 || a.Get("t") != nil {
				w.t.Errorf("on %v", got)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, config := range modes {
				t.Run(mode, func(t *testing.T) {
					inWorld(t, 2, 0, func(w *world) {
						other := config
						config.Route, other.Route = "a", "b"
						test(w, w.start(config), w.start(other))
					})
				})
			}
		})
	}
}
