package replica_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestHints: what changed while this instance had to do without a node is brought to the node when it is back, and
// nothing else is touched. Until then this instance does not believe the node's copy.
func TestHints(t *testing.T) {
	for name, c := range map[string]struct {
		nodes    int
		fault    nodetest.Fault
		do       func(w *world, home string) error
		gone     bool // the session ends
		restored bool // the node is one of the session's nodes again
	}{
		"a change, three nodes": {3, off, func(w *world, home string) error {
			_, err := w.store.Open(token, home).Write(w.t.Context(), set("2"))
			return err
		}, false, false},
		"a change that timed out": {3, nodetest.Refuse(nodetest.ErrLost), func(w *world, home string) error {
			_, err := w.store.Open(token, home).Write(w.t.Context(), set("2"))
			return err
		}, false, false},
		"a change, two nodes": {2, off, func(w *world, home string) error {
			_, err := w.store.Open(token, home).Write(w.t.Context(), set("2"))
			return err
		}, false, true},
		"a read, which settles it": {2, off, func(w *world, home string) error { _, err := w.store.Open(token, home).Load(w.t.Context()); return err }, false, true},
		"a logout, three nodes":    {3, off, func(w *world, home string) error { return w.store.Open(token, home).Destroy(w.t.Context(), nil) }, true, false},
		"a logout, two nodes":      {2, off, func(w *world, home string) error { return w.store.Open(token, home).Destroy(w.t.Context(), nil) }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.nodes, 1)
				w.t = t
				home, _ := w.create()
				epoch := w.nodes[home].Epoch()
				w.servers[home].Fail(c.fault)
				if err := c.do(w, home); err != nil {
					t.Fatal(err)
				}
				w.probe() // this instance knows now that it is away
				w.servers[home].Fail(nil)
				w.probe()
				time.Sleep(time.Minute) // it has been back for long, and has not been given anything yet
				old := w.stored(home)
				if _, err := w.store.Open(token, home).Load(t.Context()); c.gone != errors.Is(err, replica.ErrNoSession) {
					t.Errorf("by the old cookie: %v", err)
				}
				if now := w.stored(home); !c.gone && !c.restored && now.Rank() != old.Rank() {
					t.Error("a look has mended it already")
				}
				owed := 1
				if c.restored { // by a claim, and a write that settles it
					owed = 0
					for range 2 {
						_ = w.store.Open(token, home).Heal(t.Context())
					}
				}
				if n := w.deliver(home); n != owed {
					t.Errorf("%d sessions are owed; want %d", n, owed)
				}
				got := w.stored(home)
				if _, has := got.Copy(home); has != c.restored || got.Tombstone != c.gone || got.Unsettled {
					t.Errorf("%+v", got)
				}
				if w.nodes[home].Epoch() != epoch {
					t.Error("the node has another epoch")
				}
				other := w.another([]string{"n1", "n2", "n3"}[:c.nodes])
				rec, err := other.Open(token, home).Load(t.Context())
				if c.gone != errors.Is(err, replica.ErrNoSession) || !c.gone && rec.Version < got.Version {
					t.Errorf("another instance, by the old cookie: %+v, %v", rec, err)
				}
				if n := w.deliver(home); n != 0 {
					t.Errorf("%d sessions are owed once more", n)
				}
			})
		})
	}
}

// TestANodeThatHasLostEverything: a refill gives such a node its sessions again. It is owed only what was stored so
// late that the refill may have listed the sessions before: this instance need not know at once that the node is back.
func TestANodeThatHasLostEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 1)
		_, backups := w.create()
		w.without(backups[0], func() {
			if _, err := w.store.Open(token, "").Write(t.Context(), set("2")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			w.servers[backups[0]].Restart(nil)
			if _, err := w.store.Open("late", "").Create(t.Context(), session()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		})
		if n := w.deliver(backups[0]); n != 1 || w.store.CountOwed(w.nodes[backups[0]]) != 0 {
			t.Errorf("%d sessions were owed, and %d are", n, w.store.CountOwed(w.nodes[backups[0]]))
		}
		if w.servers[backups[0]].Value(sid.Key("msm:", sid.Record, "late")) == nil {
			t.Error("the late session has no copy there")
		}
	})
}

// TestTooMuchIsOwed: when a node is owed too much, everything on it counts as old.
func TestTooMuchIsOwed(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, _ := w.create()
	epoch := w.nodes[home].Epoch()
	w.without(home, func() {
		for i := range 10_000 {
			if _, err := w.store.Open(fmt.Sprint(i), "").Create(t.Context(), session()); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.store.CountOwed(w.nodes[home]); n != 10_000 {
			t.Errorf("%d sessions are owed", n)
		}
		if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
			t.Fatal(err)
		}
	})
	w.probe()
	w.probe()
	if w.nodes[home].Epoch() == epoch || !w.nodes[home].Available() {
		t.Error("the node is used with the epoch that it had")
	}
}
