package msm_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestTwoHiccups: G3, G11. Two nodes hang for a moment, one after the other. What was written in the first moment has
// one copy, and gets the other one as soon as that node is back. So in the second moment no session is lost.
func TestTwoHiccups(t *testing.T) {
	t.Parallel()
	for _, gap := range []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second} {
		t.Run(gap.String()+" apart", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2)
				m := w.manager(msm.Config{})
				var ids []string
				for len(ids) < 20 {
					if id := begin(t, m, addOne); strings.HasPrefix(nodeOf(id), "n1") {
						ids = append(ids, id)
					}
				}
				time.Sleep(700 * time.Millisecond)
				w.servers["n2"].halt()
				ids = append(ids, begin(t, m, addOne))
				for i, id := range ids {
					ids[i] = idOf(visit(m, id, addOne), id)
				}
				w.servers["n2"].goOn()
				up := func(node int) {
					for m.Stats().Nodes[node].State != msm.NodeUp {
						time.Sleep(time.Millisecond)
					}
				}
				up(1)
				time.Sleep(gap)
				w.servers["n1"].halt()
				readAll(t, m, ids, 2)
				w.servers["n1"].goOn()
				up(0)
				time.Sleep(600 * time.Millisecond)
				readAll(t, m, ids, 2)
			})
		})
	}
}

// readAll checks that every session is served, and counts want.
func readAll(t *testing.T, m *msm.Manager, ids []string, want int) {
	t.Helper()
	for _, id := range ids {
		resp := visit(m, id, func(s *msm.Session) {
			if n := count.Get(s); n != want {
				t.Errorf("it counts %d; want %d", n, want)
			}
		})
		if resp.StatusCode != http.StatusOK {
			t.Errorf("it is answered %d", resp.StatusCode)
		}
	}
}
