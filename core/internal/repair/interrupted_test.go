package repair

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestWhatInterruptsARefill checks that every session is on both nodes in the end.
func TestWhatInterruptsARefill(t *testing.T) {
	t.Parallel()
	const sessions = 1000
	for name, c := range map[string]struct {
		interrupt func(w *world, in *instance)
		again     int // least number of sessions that the last refill looks at
	}{
		"the node is restarted once more": {func(w *world, _ *instance) { w.servers[0].Restart(nil) }, sessions},
		"the node hangs for a while": {func(w *world, _ *instance) {
			w.servers[0].Fail(off)
			time.Sleep(20 * time.Second)
			w.servers[0].Fail(nil)
		}, 0},
		"nobody knows what on the node is stale": {func(_ *world, in *instance) { in.nodes[0].MarkStale() }, sessions},
		"the source hangs for a while": {func(w *world, in *instance) {
			w.servers[1].Fail(off)
			time.Sleep(20 * time.Second)
			if s := in.refill(); s.Done > s.Healed+10 {
				in.t.Errorf("it went on without the source: %+v", s)
			}
			w.servers[1].Fail(nil)
		}, 0},
		"requests have all connections for a while": {func(w *world, _ *instance) {
			w.servers[1].Fail(nodetest.Refuse(memcache.ErrBusy))
			time.Sleep(20 * time.Second)
			w.servers[1].Fail(nil)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, in := begin(t, 2, 100, sessions, 1)
				nodetest.Until(t, func() bool { return in[0].refill().Done >= sessions/2 })
				c.interrupt(w, in[0])
				time.Sleep(2 * time.Minute)
				if s := in[0].refill(); s.State != Done || s.Total < c.again {
					t.Errorf("%+v", s)
				}
				w.checkHealed(in[0], sessions)
				in[0].stop()
			})
		})
	}
}

// TestANodeThatIsAwayDuringARefill has a node away while another one is refilled, so the refill does not see what only
// that node has. Once it is back another refill follows, and not before.
func TestANodeThatIsAwayDuringARefill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sessions = 300
		w, in := begin(t, 3, 1000, sessions, 1)
		away := w.servers[2]
		away.Fail(off)
		only := func() (n int) {
			for i := range sessions {
				key := sid.Key("msm:", sid.Record, token(i))
				if away.Value(key) != nil && w.servers[0].Value(key) == nil && w.servers[1].Value(key) == nil {
					n++
				}
			}
			return n
		}
		nodetest.Until(t, func() bool { s := in[0].refill(); return s.State == Done && s.Total > 0 })
		time.Sleep(time.Minute)
		if n, lists := only(), in[0].lists(); n == 0 || lists != 2 {
			t.Errorf("%d sessions are on that node only; the keys of %d nodes were listed, want the two others'", n, lists)
		}
		away.Fail(nil)
		time.Sleep(time.Minute)
		if s, lists := in[0].refill(), in[0].lists(); s.State != Done || s.Total != sessions || lists != 2+3 {
			t.Errorf("%+v, and %d lists; want %d sessions, and 5", s, lists, sessions)
		}
		if n := only(); n > 0 {
			t.Errorf("%d sessions are on that node only", n)
		}
		in[0].stop()
	})
}

// TestALostLease checks that an instance that has lost the lock to another one stops, and asks from time to time
// whether that is done.
func TestALostLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, in := begin(t, 2, 100, 1000, 1)
		nodetest.Until(t, func() bool { return in[0].refill().Done >= 500 })
		for left := true; left; { // the lock may be extended in between
			m := w.servers[0].Memory()
			item, err := m.Get(t.Context(), "msm:refill")
			if err != nil {
				t.Fatal(err)
			}
			item.Value = []byte("another")
			left = m.CompareAndSwap(t.Context(), "msm:refill", item, time.Minute) != nil
		}
		time.Sleep(scanLock/lock.Extensions + time.Second)
		at := has(w.servers[0], 1000)
		time.Sleep(30 * time.Second)
		if s := in[0].refill(); s.State != Waiting || has(w.servers[0], 1000) != at || at > 800 {
			t.Errorf("%d sessions, then %d, %+v", at, has(w.servers[0], 1000), s)
		}
		time.Sleep(time.Minute)
		w.checkHealed(in[0], 1000)
		in[0].stop()
	})
}

// TestARefillThatIsTooMuch checks the growing pauses of a refill that makes its node fail each time.
func TestARefillThatIsTooMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, in := begin(t, 2, 100, 1000, 1)
		var began []time.Time
		for len(began) < 9 {
			// Never while a refill looks at sessions: it could not release its lock then, which would last for five
			// seconds.
			time.Sleep(10*time.Millisecond + 1)
			if in[0].refill().State == Running {
				began = append(began, time.Now())
				in[0].nodes[0].MarkStale()
				time.Sleep(300 * time.Millisecond)
			}
		}
		want := refillDelay
		for i := range began[1:] {
			want = min(2*want, refillMax)
			if pause := began[i+1].Sub(began[i]); pause < want-20*time.Millisecond || pause > want+time.Second {
				t.Errorf("pause %d: %v; want %v", i, pause, want)
			}
		}
		in[0].stop()
	})
}
