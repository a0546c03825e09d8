package msm

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestARequestInTheMidstOfAnEnd: G6. A session has been moved away from its first node and instance, which has heard so, and then ends.
// While the first instance brings the tombstone to the first node, a request with the oldest cookie still finds the session
// there. It is not served after that.
func TestARequestInTheMidstOfAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		first, at := w.manager(Config{Sticky: true, Route: "first"})
		second, apart := w.manager(Config{Sticky: true, Route: "second"})
		var v visitor
		for !strings.Contains(v.id, "-n3.") {
			v = visitor{}
			v.request(first, "POST", func(s *Session) { s.Set("user", "ann") })
		}
		oldest := v.id
		time.Sleep(time.Second)
		apart.ways[2].Fail(off)
		v.request(second, "POST", func(s *Session) { s.Set("user", "bob") })
		time.Sleep(heard / 2) // that n3 is owed something is told after a second
		user := func() (name string) {
			(&visitor{id: oldest}).request(first, "GET", func(s *Session) { name = Get[string](s, "user") })
			return name
		}
		var asked atomic.Bool
		at.ways[2].Fail(nodetest.Once(nodetest.Writes("msm:s:"), func() { user(); asked.Store(true) }))
		v.request(second, "POST", func(s *Session) { s.Destroy() })
		time.Sleep(heard)
		if name := user(); name != "" || !asked.Load() {
			t.Errorf("%q is still served; asked in the midst: %v", name, asked.Load())
		}
	})
}
