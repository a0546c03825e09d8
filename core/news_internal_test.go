package msm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestAnInstanceThatHasJustStarted: G6. A session was ended by an instance that could not reach its primary. An
// instance that starts then, and reaches it, knows of the end before it takes requests.
func TestAnInstanceThatHasJustStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 0)
		cut := w.silent("")
		cut.create(1)
		access := cut.store.Open(token(0), "")
		if _, err := access.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		home := access.Home()
		for i, n := range cut.nodes {
			if n.ID() == home {
				cut.ways[i].Fail(off)
				_ = n.Probe(t.Context())
			}
		}
		if err := cut.store.Open(token(0), home).Destroy(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		for _, s := range w.servers {
			s.Fail(nodetest.Slow(time.Millisecond))
		}
		begun := w.silent("")
		if _, err := begun.store.Open(token(0), home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
			t.Errorf("its first request: %v", err)
		}
	})
}
