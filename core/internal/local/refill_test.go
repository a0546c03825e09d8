package local_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
)

// TestRefill restarts a node of 1,000 sessions empty. No request comes, and then the instance crashes. Every session
// must be found. (memcached-session-manager loses half of them.)
func TestRefill(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		a := w.start(local.Config{})
		nodes := map[string]string{}
		for i := range 1000 {
			token := fmt.Sprint("t", i)
			nodes[token] = nodeOf(a.begin(token))
		}
		settle()
		w.servers["n1"].Restart(nil)
		time.Sleep(5 * time.Second)
		if got := a.Refilled.Load(); got < 400 || got > 600 {
			t.Errorf("%d sessions were stored again", got)
		}
		a.crash()
		b := w.start(local.Config{})
		found := 0
		for token, node := range nodes {
			if s, err := b.TakeOver(context.Background(), token, node, "a"); err == nil && value(s, "n") == "1" {
				found++
			}
		}
		if found != 1000 {
			t.Errorf("%d of 1,000 sessions are there", found)
		}
	})
}

// TestRefillIsPaced checks that a node that comes back is not flooded.
func TestRefillIsPaced(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{RefillRate: 100})
		for i := range 1000 {
			a.begin(fmt.Sprint("t", i))
		}
		settle()
		w.servers["n1"].Restart(nil)
		time.Sleep(5 * time.Second)
		if n := w.servers["n1"].Count(writes); n < 1000+300 || n > 1000+500 {
			t.Errorf("%d sessions within 5 s at 100 a second", n-1000)
		}
		time.Sleep(10 * time.Second)
		if n := w.servers["n1"].Count(writes); n != 2000 {
			t.Errorf("%d sessions in the end", n-1000)
		}
	})
}
