package msm

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestRenewTellsWhereTheSessionIs is a case that the simulation found. A login takes along what another request has
// stored meanwhile, and just before that the new session's node fails: the cookie must name the node that has all of
// it.
func TestRenewTellsWhereTheSessionIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		v := newTabs(t, w, Config{})
		var home *nodetest.Server
		failed := false
		v.send(t.Context(), 0, func(login *Session) {
			if err := login.Renew(); err != nil {
				t.Error(err)
			}
			v.send(t.Context(), 1, slowly(0))
			synctest.Wait()
			added := 0
			for i, n := range v.in[0].nodes {
				if n.ID() == login.id.Node {
					home = w.servers[i]
				}
				w.servers[i].Fail(nodetest.Only(nodetest.Of(nodetest.Add), func(_ context.Context, _ nodetest.Op, do func() error) error {
					err := do()
					if err == nil {
						added++
					}
					if err == nil && added == 2 { // the new session is on both nodes
						home.Fail(off)
						failed = true
					}
					return err
				}))
			}
		})
		v.wait.Wait()
		if !failed {
			t.Fatal("the node did not fail")
		}
		home.Fail(nil)
		n := 0
		v.send(t.Context(), 1, func(s *Session) { n = Get[int](s, "n") }) // an instance that has seen no failure
		if v.wait.Wait(); n != 1 {
			t.Errorf("n = %d; the cookie leads to an old copy", n)
		}
	})
}
