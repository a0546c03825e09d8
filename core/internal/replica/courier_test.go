package replica_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// deliver brings a node all that it is owed, and returns for how many sessions.
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

// TestTheCourierYieldsToRequests: the more slowly the nodes answer, the less the courier asks of them.
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

// TestAHintDuringADelivery: while a node is given what it is owed, the session changes once more without the node. That
// hint is not lost.
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
		w.servers[newest].Fail(off) // so that the session is claimed again, and home may get one of the copies
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

// TestAWriteThatGotHalfWayIsSettled: a write got to the backup, and then all nodes failed. When they are back it is on
// every copy or on none, so that a change that was refused does not appear much later.
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

// TestASessionThatHasEndedIsDelivered: G6. While a node is away, the session's idle timeout is shortened, and it ends
// by that. The copy on the node still has the longer life, and other instances know nothing of this.
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

// TestWhatCannotBeDelivered: a record that only a newer program can read stays owed, and keeps no other session from being brought to the
// node.
func TestWhatCannotBeDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 1)
		home, backups := w.create()
		var others []string
		w.without(backups[0], func() {
			if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
				t.Fatal(err)
			}
			for i := 0; len(others) < 30; i++ {
				other := fmt.Sprint(i)
				if sid.Key("msm:", sid.Record, other) < key {
					continue // it would be delivered before
				}
				if _, err := w.store.Open(other, "").Create(t.Context(), session()); err != nil {
					t.Fatal(err)
				}
				others = append(others, other)
			}
		})
		w.overwrite(home, ofFormat(w.stored(home), record.FormatVersion+1))
		for _, s := range w.servers {
			s.Fail(nodetest.Slow(time.Millisecond)) // so that what fails, fails before the others are done
		}
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		courier := replica.NewCourier(w.store)
		done.Go(func() { courier.Run(ctx) })
		courier.Look(w.nodes[backups[0]])
		time.Sleep(10 * time.Second)
		stop()
		done.Wait()
		if owed := w.store.Owed(w.nodes[backups[0]]); !slices.Equal(owed, []string{key}) {
			t.Errorf("%d sessions are owed; want only the one that cannot be read", len(owed))
		}
	})
}

// TestADeliveryBringsTheCopyThatIsMissing: a session was stored without its backup. When that is back, it gets a copy without a request.
func TestADeliveryBringsTheCopyThatIsMissing(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	w.without(backups[0], func() {
		if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
			t.Fatal(err)
		}
	})
	if n := w.deliver(backups[0]); n != 1 {
		t.Errorf("%d sessions were owed; want 1", n)
	}
	w.checkBoth("2")
}
