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

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
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
				if c.restored { // by that look, with a claim
					owed = 0
					_ = w.store.Open(token, home).Heal(t.Context())
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

// TestAStaleCopyThatIsReadDamaged: G1, G6. Nobody knows what a copy is that is read damaged, so the node goes on being
// owed the newer record. If the copy is damaged where it lies, it is replaced.
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

// TestAWriteThatIsDoneInTheEnd: a node that has what is stored, by a later attempt of the write, is owed nothing: else the copy there
// would not be believed, and without backups it is the only one.
func TestAWriteThatIsDoneInTheEnd(t *testing.T) {
	for backups := range 2 {
		t.Run(fmt.Sprintf("%d backups", backups), func(t *testing.T) {
			w := newWorld(t, 2, backups)
			home, _ := w.create()
			a := w.store.Open(token, home)
			if _, err := a.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.servers[home].Fail(nodetest.Only(nodetest.Writes("msm:s:"), nodetest.Mute(1)))
			w.store.Patience = time.Second
			go func() { // the request waits for the next probe
				for w.nodes[home].Probes() < 2 {
					_ = w.nodes[home].Probe(context.Background())
				}
			}()
			rec, err := a.Write(t.Context(), set("2"))
			if err != nil {
				t.Fatal(err)
			}
			for id, n := range w.nodes {
				if _, has := rec.Copy(id); has && w.store.CountOwed(n) > 0 {
					t.Errorf("%s has the session, and is owed it", id)
				}
			}
		})
	}
}

// TestANodeThatLeavesTheList: G9. Nothing is remembered of it, but that others may list it still.
func TestANodeThatLeavesTheList(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	gone := w.nodes[backups[0]]
	w.servers[backups[0]].Fail(off)
	if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
		t.Fatal(err)
	}
	w.store.Cluster.Set([]cluster.Member{{Node: w.nodes[home]}})
	w.store.Forget(gone)
	want := []mailbox.Debt{{Debtor: 1, Node: mailbox.NodeHashOf(gone.ID()), Epoch: gone.Epoch()}}
	if n, debts := w.store.CountOwed(gone), w.store.Debts(1); n > 0 || !slices.Equal(debts, want) {
		t.Errorf("%d sessions are owed, %v is told; want none, %v", n, debts, want)
	}
}

// TestANodeThatIsWrittenAgain: a node that is owed a session, and gets a copy by a later write, is owed nothing any more.
func TestANodeThatIsWrittenAgain(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, backups := w.create()
	var third string
	for id := range w.nodes {
		if id != home && id != backups[0] {
			third = id
		}
	}
	for _, away := range []string{backups[0], third} {
		w.without(away, func() {
			if _, err := w.store.Open(token, home).Write(t.Context(), set(away)); err != nil {
				t.Fatal(err)
			}
		})
	}
	if n := w.store.CountOwed(w.nodes[backups[0]]); n != 0 || w.stored(backups[0]).Rank() != w.stored(home).Rank() {
		t.Errorf("%s is owed %d sessions, and has %+v", backups[0], n, w.stored(backups[0]))
	}
	if n := w.store.CountOwed(w.nodes[third]); n != 1 {
		t.Errorf("%s is owed %d sessions; want 1", third, n)
	}
}

// TestAWriteThatFailsAtTheOnlyCopy: G11. Nothing was stored that the session's only node could miss, so it is owed nothing: else its copy,
// the only one, would not be believed while another node is down.
func TestAWriteThatFailsAtTheOnlyCopy(t *testing.T) {
	for backups := range 2 {
		t.Run(fmt.Sprintf("%d backups", backups), func(t *testing.T) {
			w := newWorld(t, 2, backups)
			other := w.store.Cluster.Ranking(key)[1].ID()
			w.servers[other].Fail(off)
			w.probe()
			home, _ := w.create()
			a := w.store.Open(token, home)
			if _, err := a.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.servers[home].Fail(nodetest.Only(nodetest.Writes("msm:s:"), nodetest.Refuse(nodetest.ErrLost)))
			if _, err := a.Write(t.Context(), set("2")); err == nil {
				t.Fatal("it was written")
			}
			if n := w.store.CountOwed(w.nodes[home]); n > 0 {
				t.Errorf("%d sessions are owed", n)
			}
			w.servers[home].Fail(nil)
			if _, err := w.store.Open(token, home).Load(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
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
