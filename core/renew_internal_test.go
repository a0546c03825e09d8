package msm

import (
	"testing"
	"testing/synctest"
)

// TestRenewTellsWhereTheSessionIs: found by the simulation. A login takes along what another request has stored meanwhile,
// and the new session's node fails just before: the cookie must name the node that has it all.
func TestRenewTellsWhereTheSessionIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 0)
		v := newVisitors(t, w, Config{})
		var home *server
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
				w.servers[i].added = func() {
					if added++; added == 2 { // the new session is on both
						home.turn(true)
					}
				}
			}
		})
		v.wait.Wait()
		if !home.off {
			t.Fatal("the node did not fail")
		}
		home.turn(false)
		n := 0
		v.send(t.Context(), 1, func(s *Session) { n = Get[int](s, "n") }) // to an instance that saw no failure
		if v.wait.Wait(); n != 1 {
			t.Errorf("n = %d; the cookie leads to an old copy", n)
		}
	})
}
