package replica_test

import (
	"errors"
	"testing"

	"github.com/gomsm/msm/core/internal/replica"
)

// TestTheOnlyCopyIsNotGone: G11. A session began while the other node was away, and has no copy there yet when that is back. If its
// own node is silent then, who began it knows that there is one.
func TestTheOnlyCopyIsNotGone(t *testing.T) {
	for name, c := range map[string]struct {
		delivered bool // it has got what it is owed
		want      error
	}{
		"before the other node has a copy": {want: replica.ErrUnavailable},
		"after that":                       {delivered: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, 1)
			away := w.store.Cluster.Ranking(key)[1].ID()
			w.servers[away].Fail(off)
			w.probe()
			home, _ := w.create()
			w.servers[away].Fail(nil)
			w.probe()
			if _, err := w.store.Open("another token", home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
				t.Errorf("one that never was, with all nodes there: %v", err)
			}
			if c.delivered {
				w.deliver(away)
			}
			w.servers[home].Fail(off)
			for range 2 { // the failure is met, and then known
				if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("%v; want %v", err, c.want)
				}
				if _, err := w.store.Open("another token", home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("one that never was, with its node silent: %v", err)
				}
			}
		})
	}
}
