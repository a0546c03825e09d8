package msm_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// invented returns the id of no session, the n-th of many.
func invented(n int) string {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	token := []byte(strings.Repeat("a", 26))
	for i := 0; n > 0; i, n = i+1, n/32 {
		token[i] = digits[n%32]
	}
	return string(token) + "-n1"
}

// TestWhatInventedIDsCost: T-04. Without keys any id may be a session's. One that is not costs one round of looks, and no
// lock.
func TestWhatInventedIDsCost(t *testing.T) {
	t.Parallel()
	read := func(s *msm.Session) { count.Get(s) }
	for name, c := range map[string]struct {
		locking msm.Locking
		method  string
		handle  func(*msm.Session)
	}{
		"a request that reads":                  {msm.LockNone, "GET", read},
		"a request that never looks":            {msm.LockNone, "GET", func(*msm.Session) {}},
		"an unsafe request":                     {msm.LockNone, "POST", read},
		"a request that would take a lock":      {msm.LockAll, "POST", read},
		"a request that may have to take one":   {msm.LockAuto, "GET", read},
		"a request that asks for a lock itself": {msm.LockApp, "GET", func(s *msm.Session) { _ = s.Lock(context.Background()) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const nodes, ids = 3, 100
				w := newNetwork(t, nodes)
				m := w.manager(msm.Config{Locking: c.locking})
				time.Sleep(5 * time.Second)
				w.reset()
				for i := range ids {
					cookie := withCookie("SESSION=" + invented(i))
					if resp := exchange(m.Middleware(handlerOf(c.handle)), c.method, "/", cookie); resp.StatusCode != 200 {
						t.Fatal(resp.Status)
					}
				}
				time.Sleep(time.Second)
				if got := len(w.about("msm:s:")); got > ids*(nodes+2) { // the named node, all others, and the named one again
					t.Errorf("%d looks for %d ids", got, ids)
				}
				if got := w.about("msm:l:"); len(got) > 0 {
					t.Errorf("%d commands for locks", len(got))
				}
			})
		})
	}
}

// TestAFloodOfInventedIDs: T-04. Strangers send three times as many invented ids as the nodes can look for in the background.
// Sessions whose visitors come all the time do not end by that, whether their requests look at them or not, and even if
// the instance has never seen them before.
func TestAFloodOfInventedIDs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const visitors, flood = 20, 1000 // a second
		w := newNetwork(t, 3)
		config := msm.Config{IdleTimeout: 2 * time.Second, RefillRate: msm.NoRefill}
		before, m := w.manager(config), w.manager(config)
		var seen, unseen []string
		for range visitors {
			seen = append(seen, begin(t, m, addOne))
			unseen = append(unseen, begin(t, before, addOne))
		}
		for _, s := range w.servers {
			s.slow(5 * time.Millisecond)
		}
		var strangers sync.WaitGroup
		for n := range 5 * flood {
			strangers.Go(func() { visitPlain(m, invented(n)) })
			if n%(flood/4) == 0 {
				for _, id := range unseen {
					strangers.Go(func() { visitPlain(m, id) })
				}
				for _, id := range seen {
					strangers.Go(func() { visitPlain(m, id) })
				}
			}
			time.Sleep(time.Second / flood)
		}
		strangers.Wait()
		for i, id := range append(seen, unseen...) {
			visit(m, id, func(s *msm.Session) {
				if count.Get(s) != 1 {
					t.Errorf("session %d has ended", i)
				}
			})
		}
		if d := m.Stats().Dropped; d > 0 {
			t.Errorf("%d jobs were dropped", d)
		}
	})
}

// visitPlain is a request that never looks at its session.
func visitPlain(m *msm.Manager, id string) {
	resp := exchange(m.Middleware(handlerOf(func(*msm.Session) {})), "GET", "/", withCookie("SESSION="+id))
	if resp.StatusCode != 200 {
		panic(fmt.Sprint("a request that never looks at its session: ", resp.Status))
	}
}
