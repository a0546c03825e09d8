package local_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
)

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
