package replica_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestSilentNodes: G8, G11. It checks when a miss means that there is no session, and when nobody can tell, however
// long that lasts.
func TestSilentNodes(t *testing.T) {
	for name, c := range map[string]struct {
		nodes int
		off   []string
		by    string // the node that the id names
		want  error
	}{
		"all answer":               {3, nil, "n1", replica.ErrNoSession},
		"the home is silent":       {3, []string{"n1"}, "n1", replica.ErrNoSession},
		"another node is silent":   {3, []string{"n2"}, "n1", replica.ErrNoSession},
		"the home and another one": {3, []string{"n1", "n2"}, "n1", replica.ErrUnavailable},
		"the home of two":          {2, []string{"n1"}, "n1", replica.ErrNoSession},
		"the other one of two":     {2, []string{"n2"}, "n1", replica.ErrNoSession},
		"both of two":              {2, []string{"n1", "n2"}, "n1", replica.ErrUnavailable},
		"the only one":             {1, []string{"n1"}, "n1", replica.ErrUnavailable},
		"one of two, by an id that names another node": {2, []string{"n1"}, "n3", replica.ErrNoSession},
		"one of two, by an id that names none":         {2, []string{"n1"}, "", replica.ErrNoSession},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.nodes, 1)
				for _, id := range c.off {
					w.servers[id].Fail(off)
				}
				for round := range 3 { // the first round meets the failures, the others know of them
					if _, err := w.store.Open(token, c.by).Load(t.Context()); !errors.Is(err, c.want) {
						t.Errorf("round %d: %v", round, err)
					}
					time.Sleep(time.Duration(round) * time.Minute)
				}
			})
		})
	}
}

// TestAnAbsenceIsConfirmed: a repair writes the record to the home just after the home was asked, and the other copy is
// lost just before its node is asked. The home is asked once more before the session counts as gone.
func TestAnAbsenceIsConfirmed(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	had := w.servers[home].Memory().Clone()
	w.servers[home].Evict(key) // the copy is lost, and nobody has noticed yet
	other := w.servers[backups[0]]
	other.Fail(nodetest.Once(nodetest.Of(nodetest.Get), func() {
		w.servers[home].Restart(had)
		other.Restart(nil)
	}))
	if _, err := w.store.Open(token, home).Load(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
}

// TestAHomeThatFailsWhileAnAbsenceIsConfirmed: if the session is gone, the failure of one node makes no error of that.
// A session that was brought back meanwhile is found on the other node that has it.
func TestAHomeThatFailsWhileAnAbsenceIsConfirmed(t *testing.T) {
	for name, want := range map[string]error{"it is gone": replica.ErrNoSession, "it was brought back": nil} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			item, err := w.servers[home].Memory().Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range w.servers {
				s.Evict(key)
			}
			asked := 0
			w.servers[home].Fail(func(_ context.Context, _ nodetest.Op, do func() error) error {
				if asked++; asked == 1 {
					return do()
				}
				if want == nil {
					_ = w.servers[backups[0]].Memory().Add(t.Context(), key, item, 0)
				}
				return nodetest.ErrLost
			})
			if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, want) {
				t.Errorf("%v; want %v", err, want)
			}
		})
	}
}
