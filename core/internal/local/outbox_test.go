package local_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestALogoutAmongManyTakeovers: G6. A balancer moves thousands of visitors to another instance within moments, and some log out there.
// The former instance serves none of those any more, although the nodes are far away.
func TestALogoutAmongManyTakeovers(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		a, b := w.start(local.Config{Route: "a"}), w.start(local.Config{Route: "b"})
		const visitors, logouts = 3000, 50
		nodes := make([]string, visitors)
		for i := range nodes {
			nodes[i] = nodeOf(a.begin(fmt.Sprint(i)))
		}
		settle()
		w.all(nodetest.Slow(20 * time.Millisecond))
		var next atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for i := next.Add(1) - 1; i < visitors; i = next.Add(1) - 1 {
					if _, err := b.TakeOver(context.Background(), fmt.Sprint(i), nodes[i], "a"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for i := visitors - logouts; i < visitors; i++ {
			all.Go(func() {
				if err := b.Get(fmt.Sprint(i)).Destroy(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		time.Sleep(600 * time.Millisecond)
		for i := visitors - logouts; i < visitors; i++ {
			if a.Get(fmt.Sprint(i)) != nil {
				t.Errorf("%d is at a after its logout", i)
			}
		}
	})
}

// TestManyLogoutsElsewhere: G6. Hundreds of sessions end through another instance, and a moment later hundreds more. None
// is served here any more as soon as that is heard, however long it takes to look after the copies of those before.
func TestManyLogoutsElsewhere(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		a, b := w.start(local.Config{Route: "a"}), w.start(local.Config{Route: "b"})
		var nodes []string
		for i := range 1000 {
			nodes = append(nodes, nodeOf(a.begin(fmt.Sprint(i))))
		}
		settle()
		w.all(nodetest.Slow(20 * time.Millisecond))
		var all sync.WaitGroup
		for i, n := range nodes {
			all.Go(func() {
				time.Sleep(time.Duration(i%2) * 300 * time.Millisecond)
				b.must(b.End(context.Background(), fmt.Sprint(i), b.replica.Open(fmt.Sprint(i), n)))
			})
		}
		all.Wait()
		time.Sleep(mailbox.MaxDelay + 100*time.Millisecond) // and until it is posted
		for i := range nodes {
			if a.Get(fmt.Sprint(i)) != nil {
				t.Errorf("%d is at a after its logout", i)
			}
		}
	})
}

// TestRoutesThatClientsMakeUp: T-08. An id names an instance that does not exist. That leaves no key on a node, and keeps no
// logout from being heard.
func TestRoutesThatClientsMakeUp(t *testing.T) {
	inWorld(t, 2, 1, func(w *world) {
		a, b := w.start(local.Config{Route: "a"}), w.start(local.Config{Route: "b"})
		own, victim := nodeOf(b.begin("own")), a.begin("victim")
		settle()
		for i := range 1000 {
			at := []*instance{a, b}[i%2]
			if _, err := at.TakeOver(context.Background(), "own", own, fmt.Sprint("x", i)); err != nil {
				t.Fatal(err)
			}
		}
		b.must(b.End(context.Background(), "victim", b.replica.Open("victim", nodeOf(victim))))
		time.Sleep(600 * time.Millisecond)
		if a.Get("victim") != nil {
			t.Error("a has not heard of the logout")
		}
		for id, s := range w.servers {
			made := 0
			_ = s.Memory().Keys(context.Background(), "msm:news:x", func(string) { made++ })
			if made > 0 {
				t.Errorf("%s has %d keys of routes that a client has made up", id, made)
			}
		}
	})
}
