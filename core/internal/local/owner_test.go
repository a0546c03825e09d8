package local_test

import (
	"context"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
)

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
