package msm_test

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// shift counts the handlers of one session that run at a time: one, if locks work.
type shift struct{ working, overlaps atomic.Int32 }

// count returns a handler that counts by a read and a later write, and calls meanwhile in between.
func (x *shift) count(meanwhile func()) func(s *msm.Session) {
	return func(s *msm.Session) {
		if x.working.Add(1) > 1 {
			x.overlaps.Add(1)
		}
		n := count.Get(s)
		meanwhile()
		count.Set(s, n+1)
		x.working.Add(-1)
	}
}

// locked is a session on two memcached processes, with a handler that has its lock.
type locked struct {
	t       *testing.T
	servers map[string]*msmtest.Server
	proxies []*msmtest.Proxy
	id      string
	shift   shift
}

// TestLocksOnRealNodes: LockAll over two instances and two memcached processes.
func TestLocksOnRealNodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expiry  time.Duration
		others  int
		first   func(l *locked) // what the first handler does, while the others want the lock
		overlap bool            // two may run at the same time; then one gets 409
	}{
		"many short handlers": {0, 59, func(*locked) {}, false},
		"a handler that needs longer than a lock lives": {20 * time.Second, 2, func(l *locked) {
			waitFor(l.t, "six extensions, of which there are five in a lock's life", func() bool {
				sent := about("msm:l:", l.proxies...)
				return len(slices.DeleteFunc(sent, func(name string) bool { return name != "cas" })) >= 6
			})
		}, false},
		"the lock's node is killed while a handler runs": {0, 2, func(l *locked) {
			l.servers[nodeOf(l.id)].Kill() // it is the session's primary as well
			waitFor(l.t, "a handler of the other instance", func() bool { return l.shift.overlaps.Load() > 0 })
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &locked{t: t}
			config := msm.Config{Locking: msm.LockAll, LockExpiry: cmp.Or(c.expiry, time.Hour), LockWait: patience}
			config.Nodes, l.servers, l.proxies = startSeen(t, 2)
			m := []*msm.Manager{newManager(t, config), newManager(t, config)}
			l.id = begin(t, m[0], func(s *msm.Session) { count.Set(s, 0) })
			var others sync.WaitGroup
			status := make([]int, 1+c.others)
			status[0] = visit(m[0], l.id, l.shift.count(func() {
				for i := range c.others {
					others.Go(func() {
						pause := func() { time.Sleep(time.Millisecond) } // so that others could run, without a lock
						status[1+i] = visit(m[i%2], l.id, l.shift.count(pause)).StatusCode
					})
				}
				c.first(l)
			})).StatusCode
			others.Wait()
			stored := 0
			for i, code := range status {
				switch {
				case code == 200:
					stored++
				case code != 409 || !c.overlap:
					t.Errorf("request %d: %d", i, code)
				}
			}
			if n := l.shift.overlaps.Load(); (n > 0) != c.overlap {
				t.Errorf("%d of %d handlers overlap", n, len(status))
			}
			visit(m[1], l.id, func(s *msm.Session) {
				if count.Get(s) != stored {
					t.Errorf("count %d of %d that were told it is stored", count.Get(s), stored)
				}
			})
		})
	}
}
