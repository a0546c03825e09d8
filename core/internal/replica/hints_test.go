package replica_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// deliver brings a node all that it is owed, and answers how much that was.
func (w *world) deliver(id string) (sessions int) {
	w.t.Helper()
	for _, key := range w.store.Owed(w.nodes[id]) {
		sessions++
		if err := w.store.Deliver(context.Background(), w.nodes[id], key); err != nil {
			w.t.Error(err)
		}
	}
	return sessions
}

// TestHints: what changed while this instance had to do without a node is brought to it when it is back; and nothing else is
// touched. Until then its copy is not believed here.
func TestHints(t *testing.T) {
	for name, c := range map[string]struct {
		nodes    int
		fault    nodetest.Fault
		do       func(w *world, home string) error
		gone     bool // the session
		restored bool // it has the node as one of its copies' again
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
				w.probe() // it is known to be away
				w.servers[home].Fail(nil)
				w.probe()
				time.Sleep(time.Minute) // it is back for long, and has not got anything yet
				old := w.stored(home)
				if _, err := w.store.Open(token, home).Load(t.Context()); c.gone != errors.Is(err, replica.ErrNoSession) {
					t.Errorf("by the old cookie: %v", err)
				}
				if now := w.stored(home); !c.gone && !c.restored && now.Rank() != old.Rank() {
					t.Error("a look has mended it already")
				}
				if n := w.deliver(home); n != 1 {
					t.Errorf("%d sessions are owed", n)
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

// TestAStaleCopyThatIsReadDamaged: G1, G6. Nobody knows what it is, so it goes on being owed what is newer; unless it is damaged where
// it lies.
func TestAStaleCopyThatIsReadDamaged(t *testing.T) {
	for name, onItsWay := range map[string]bool{"on its way": true, "where it lies": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, _ := w.create()
			w.without(home, func() {
				if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
					t.Fatal(err)
				}
			})
			if onItsWay {
				w.servers[home].Fail(nodetest.Only(nodetest.Reads("msm:s:"), nodetest.Damage(1<<20)))
			} else {
				w.overwrite(home, []byte("damaged"))
			}
			err := w.store.Deliver(t.Context(), w.nodes[home], key)
			if owed := w.store.CountOwed(w.nodes[home]); (err != nil) != onItsWay || owed == 1 != onItsWay {
				t.Errorf("%v, %d sessions are owed", err, owed)
			}
			w.servers[home].Fail(nil)
			w.deliver(home)
			rec, err := w.another([]string{"n1", "n2", "n3"}).Open(token, home).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := rec.Get("n"); string(n) != "2" {
				t.Errorf("by the old cookie: %s", n)
			}
		})
	}
}

// TestANodeThatHasLostEverything is refilled, so it is owed nothing but what was stored so late that the refill may have listed the
// sessions before: this instance need not know at once that the node is back.
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

// TestTheCourierYieldsToRequests: the slower the nodes answer, the less it asks of them.
func TestTheCourierYieldsToRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 1)
		w.without("n1", func() {
			for i := range 200 {
				if _, err := w.store.Open(fmt.Sprint(i), "").Create(t.Context(), session()); err != nil {
					t.Fatal(err)
				}
			}
		})
		for _, s := range w.servers {
			s.Fail(nodetest.Slow(5 * time.Millisecond))
		}
		courier := replica.NewCourier(w.store)
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { courier.Run(ctx) })
		began := time.Now()
		courier.Look(w.nodes["n1"])
		for w.store.CountOwed(w.nodes["n1"]) > 0 {
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(began); took < 3*time.Second {
			t.Errorf("it took %v", took)
		}
		stop()
		done.Wait()
	})
}

// TestTooMuchIsOwed: beyond a bound everything on the node counts as old.
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

// TestAHintDuringADelivery is not lost with it: the session changes once more without the node, while that gets what it was owed.
func TestAHintDuringADelivery(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, _ := w.create()
	newest := ""
	w.without(home, func() {
		a := w.store.Open(token, home)
		if _, err := a.Write(t.Context(), set("2")); err != nil {
			t.Fatal(err)
		}
		newest = a.Home()
	})
	w.probe()
	w.servers[home].Fail(nodetest.Once(nodetest.Of(nodetest.CompareAndSwap), func() {
		w.servers[home].Fail(nil)
		w.servers[newest].Fail(off) // so that it is claimed again, and home, of which nobody knows yet, could be a copy
		if _, err := w.store.Open(token, newest).Write(t.Context(), set("3")); err != nil {
			t.Error(err)
		}
		w.servers[newest].Fail(nil)
	}))
	for range 3 {
		w.deliver(home)
		w.probe()
		w.deliver(newest)
	}
	other := w.another([]string{"n1", "n2", "n3"})
	for id := range w.servers {
		rec, err := other.Open(token, id).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := rec.Get("n"); string(n) != "3" {
			t.Errorf("by %s: n = %s", id, n)
		}
	}
}

// TestAWriteThatGotHalfWayIsSettled: it got to the backup, and all nodes failed then. When they are back it is on every copy, or on
// none, so that what was refused is not seen much later.
func TestAWriteThatGotHalfWayIsSettled(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	w.servers[home].Fail(nodetest.Only(nodetest.Of(nodetest.CompareAndSwap), func(context.Context, nodetest.Op, func() error) error {
		for _, s := range w.servers {
			s.Fail(off)
		}
		return nodetest.ErrLost
	}))
	if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); !errors.Is(err, replica.ErrUnavailable) {
		t.Fatal(err)
	}
	for _, s := range w.servers {
		s.Fail(nil)
	}
	w.probe()
	for _, n := range w.nodes {
		for _, key := range w.store.Owed(n) {
			if err := w.store.Deliver(t.Context(), n, key); err != nil {
				t.Fatal(err)
			}
		}
	}
	if x, y := w.stored(home), w.stored(backups[0]); x.Rank() != y.Rank() {
		t.Errorf("the home has version %d, the backup %d", x.Version, y.Version)
	}
}

// TestASessionThatHasEndedIsDelivered: G6. While a node is away the session's idle timeout is shortened, and it ends by that. The copy on
// the node has as long to live as before, and other instances know of nothing.
func TestASessionThatHasEndedIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1)
		home, _ := w.create()
		w.servers[home].Fail(off)
		_, err := w.store.Open(token, home).Write(t.Context(), func(rec *record.Record) error {
			rec.IdleTimeout = time.Minute
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.probe()
		time.Sleep(5 * time.Minute)
		w.servers[home].Fail(nil)
		w.probe()
		if err := w.store.Deliver(t.Context(), w.nodes[home], key); err != nil {
			t.Fatal(err)
		}
		if owed := w.store.CountOwed(w.nodes[home]); owed != 0 {
			t.Errorf("%d sessions are still owed", owed)
		}
		other := w.another([]string{"n1", "n2", "n3"})
		if rec, err := other.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
			t.Errorf("another instance, with the old cookie: %+v, %v", rec, err)
		}
	})
}
