package msm_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// shift is when a handler ran.
type shift struct{ begin, end time.Time }

// shifts are those of the handlers of one session.
type shifts struct {
	mu   sync.Mutex
	list []shift
}

// work is a handler that counts by a read and a later write.
func (x *shifts) work(d time.Duration) func(s *msm.Session) {
	return func(s *msm.Session) {
		begin, n := time.Now(), count.Get(s)
		time.Sleep(d)
		count.Set(s, n+1)
		x.mu.Lock()
		defer x.mu.Unlock()
		x.list = append(x.list, shift{begin, time.Now()})
	}
}

func (x *shifts) overlaps() (n int) {
	slices.SortFunc(x.list, func(a, b shift) int { return a.begin.Compare(b.begin) })
	for i := 1; i < len(x.list); i++ {
		if x.list[i].begin.Before(x.list[i-1].end) {
			n++
		}
	}
	return n
}

// TestLocksOnRealNodes: LockAll over two instances and two memcached processes.
func TestLocksOnRealNodes(t *testing.T) {
	for name, c := range map[string]struct {
		handlers []time.Duration
		disturb  func(t *testing.T, servers map[string]*msmtest.Server, id string)
		overlap  bool // two may run at the same time; then one is told
	}{
		"many short handlers":                            {slices.Repeat([]time.Duration{5 * time.Millisecond}, 60), nil, false},
		"a handler of three times the lock's expiry":     {[]time.Duration{6 * time.Second, time.Millisecond, time.Millisecond}, nil, false},
		"the lock's node is killed while a handler runs": {[]time.Duration{time.Second, 10 * time.Millisecond, 10 * time.Millisecond}, killLock, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, servers := startServers(t, 2)
			config := msm.Config{Nodes: list, Locking: msm.LockAll, LockExpiry: 2 * time.Second, LockWait: patience}
			m := []*msm.Manager{newManager(t, config), newManager(t, config)}
			id := begin(t, m[0], func(s *msm.Session) { count.Set(s, 0) })
			var x shifts
			var all sync.WaitGroup
			status := make([]int, len(c.handlers))
			for i, d := range c.handlers {
				all.Go(func() { status[i] = visit(m[i%2], id, x.work(d)).StatusCode })
				if i == 0 {
					time.Sleep(100 * time.Millisecond) // the first one has the lock
					if c.disturb != nil {
						c.disturb(t, servers, id)
					}
				}
			}
			all.Wait()
			stored := 0
			for i, code := range status {
				switch {
				case code == 200:
					stored++
				case code != 409 || !c.overlap:
					t.Errorf("request %d: %d", i, code)
				}
			}
			if n := x.overlaps(); (n > 0) != c.overlap {
				t.Errorf("%d of %d handlers overlap", n, len(x.list))
			}
			visit(m[1], id, func(s *msm.Session) {
				if count.Get(s) != stored {
					t.Errorf("count %d of %d that were told it is stored", count.Get(s), stored)
				}
			})
		})
	}
}

// killLock kills the node that has the session's lock, which is the session's home as well.
func killLock(_ *testing.T, servers map[string]*msmtest.Server, id string) {
	servers[nodeOf(id)].Kill()
}
