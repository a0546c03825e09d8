package replica_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestANodeThatComesBackMeanwhile: a node that was away when the session was looked for, and is back a moment later,
// may have the session. So it is not gone.
func TestANodeThatComesBackMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		older bool
	}{
		"with the only copy":               {false},
		"with the newer one of two copies": {true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, 0)
			var home string
			if c.older {
				home = w.otherThan(w.moved())
			} else {
				home, _ = w.create()
			}
			w.servers[home].Fail(off)
			w.probe()
			for id, s := range w.servers {
				if id != home {
					s.Fail(func(_ context.Context, _ nodetest.Op, do func() error) error {
						err := do()
						w.servers[home].Fail(nil)
						_ = w.nodes[home].Probe(context.Background())
						return err
					})
				}
			}
			if _, err := w.store.Open(token, home).Load(context.Background()); !errors.Is(err, replica.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
}

// TestTheOnlyNodeOfASessionFails: an instance reads a session that has one copy only, because whoever wrote it was
// configured with fewer backups. Then the node of that copy fails. The session is not gone.
func TestTheOnlyNodeOfASessionFails(t *testing.T) {
	w := newWorld(t, 3, 0)
	home, _ := w.create()
	w.store.Backups = 1
	access := w.store.Open(token, home)
	if _, err := access.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.servers[home].Fail(off)
	if _, err := access.Write(t.Context(), set("2")); !errors.Is(err, replica.ErrUnavailable) {
		t.Error(err)
	}
}

// otherThan returns the id of a node that is not this one.
func (w *world) otherThan(node string) string {
	for id := range w.servers {
		if id != node {
			return id
		}
	}
	return ""
}
