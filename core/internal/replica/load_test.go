package replica_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAFullLookAsksAtOnce: a full look asks all nodes in parallel, so several slow nodes cost a request the time of
// one. The node that the id names is asked before.
func TestAFullLookAsksAtOnce(t *testing.T) {
	const slow = 100 * time.Millisecond
	for name, c := range map[string]struct {
		named  bool // the id names a node, which is not the home
		evict  bool // no node has the session
		rounds int  // how often the request waits for slow nodes
		found  bool
	}{
		"the id names no node":                          {rounds: 1, found: true},
		"the id names a node that is not the home":      {named: true, rounds: 2, found: true},
		"the id names no node, and there is no session": {evict: true, rounds: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 4, 1)
				home, _ := w.create()
				by := ""
				if c.named {
					by = w.otherThan(home)
				}
				for _, s := range w.servers {
					if c.evict {
						s.Evict(key)
					}
					s.Fail(nodetest.Slow(slow))
				}
				before := w.asked()
				began := time.Now()
				_, err := w.store.Open(token, by).Peek(t.Context()) // a Load would go on, and write what it has found
				if (err == nil) != c.found {
					t.Error(err)
				}
				if took, want := time.Since(began), time.Duration(c.rounds)*slow; took != want {
					t.Errorf("it took %v, want %v", took, want)
				}
				if n := w.asked() - before; n != len(w.servers) {
					t.Errorf("%d questions to %d nodes", n, len(w.servers))
				}
			})
		})
	}
}

// asked returns how often nodes were asked for the session.
func (w *world) asked() (n int) {
	for _, s := range w.servers {
		n += s.Count(nodetest.Reads(key))
	}
	return n
}
