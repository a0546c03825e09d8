package replica_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestAFailedAttemptLooksFresh: G1. A request that began before a node was worked around leaves a failed attempt there,
// which names the node's new epoch. It is not believed when both nodes of the session are silent, as they are to an
// instance that stood still.
func TestAFailedAttemptLooksFresh(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, 3, 1)
	home, backups := w.create()
	slow := w.store.Open(token, home)
	if _, err := slow.Load(ctx); err != nil {
		t.Fatal(err)
	}
	w.nodes[backups[0]].MarkStale()
	moved, err := w.store.Open(token, home).Write(ctx, set("2"))
	if err != nil {
		t.Fatal(err)
	}
	w.probe()
	w.probe() // its epoch is a new one, and this instance knows it
	if _, err := slow.Write(ctx, set("3")); err != nil {
		t.Fatal(err)
	}
	newest := ""
	for _, n := range []string{"4", "5", "6"} {
		if moved, err = w.store.Open(token, home).Write(ctx, set(n)); err != nil {
			t.Fatal(err)
		}
		newest = n
	}
	all := []string{"n1", "n2", "n3"}
	other, probed := w.another(all), w.another(all) // which do not know that a node is owed anything
	for _, c := range moved.Copies {
		w.servers[c.Node].Fail(nodetest.Refuse(nodetest.ErrLost))
	}
	for _, m := range probed.Cluster.Members() {
		_ = m.Node.Probe(ctx)
	}
	for name, store := range map[string]*replica.Store{
		"who did without the node": w.store, "another one": other, "one that has looked at the nodes": probed,
	} {
		if _, err := store.Open(token, moved.Home).Write(ctx, set("7")); !errors.Is(err, replica.ErrUnavailable) {
			t.Errorf("with both copies silent %s finds one: %v", name, err)
		}
	}
	for _, c := range moved.Copies {
		w.servers[c.Node].Fail(nil)
	}
	w.probe()
	w.probe()
	rec, err := w.store.Open(token, moved.Home).Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := rec.Get("n"); string(n) != newest {
		t.Errorf("n = %s; want %s", n, newest)
	}
}

// TestACopyThatMayBeOldIsNotBelieved: G1. Two nodes are silent, and the third one has a copy from which others may have
// gone on.
func TestACopyThatMayBeOldIsNotBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		// happens makes the copy on the node that is left old, or perhaps old.
		happens func(t *testing.T, w *world, left string)
		want    error
	}{
		"it has all": {func(*testing.T, *world, string) {}, nil},
		"it is owed what was written without it": {func(t *testing.T, w *world, left string) {
			w.without(left, func() {
				if _, err := w.store.Open(token, "").Write(t.Context(), set("2")); err != nil {
					t.Fatal(err)
				}
			})
			w.probe()
		}, replica.ErrUnavailable},
		"it is of a new epoch": {func(_ *testing.T, w *world, left string) {
			w.nodes[left].MarkStale()
			w.probe()
			w.probe()
		}, replica.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			_, backups := w.create()
			left := backups[0]
			c.happens(t, w, left)
			for id, s := range w.servers {
				if id != left {
					s.Fail(off)
				}
			}
			if _, err := w.store.Open(token, left).Load(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("%v; want %v", err, c.want)
			}
		})
	}
}

// TestASessionOfMoreBackups: a session has more backups than this instance is configured with, as in a rolling change.
// It is found on one of them, whether or not that copy is of its node's present epoch.
func TestASessionOfMoreBackups(t *testing.T) {
	for name, replaced := range map[string]bool{"present": false, "replaced": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			if replaced {
				w.nodes[backups[0]].MarkStale()
				w.probe()
			}
			w.store.Backups = 0
			w.servers[home].Fail(off)
			if _, err := w.store.Open(token, home).Load(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestALogoutOutlivesALongerLife: G6. While a node is away, the session's idle timeout is shortened, and then the
// session ends. The copy on that node still has the longer life.
func TestALogoutOutlivesALongerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t, 3, 1)
		first := session()
		first.IdleTimeout = 30 * 24 * time.Hour // "remember me"
		stored, err := w.store.Open(token, "").Create(ctx, first)
		if err != nil {
			t.Fatal(err)
		}
		w.servers[stored.Home].Fail(off)
		moved := w.store.Open(token, stored.Home)
		if _, err := moved.Write(ctx, func(rec *record.Record) error { rec.IdleTimeout = time.Hour; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := w.store.Open(token, moved.Home()).Destroy(ctx, nil); err != nil {
			t.Fatal(err)
		}
		for _, after := range []time.Duration{10 * time.Minute, 3 * time.Hour, 29 * 24 * time.Hour} {
			time.Sleep(after)
			w.servers[stored.Home].Fail(nil)
			w.probe()
			w.probe()
			if rec, err := w.store.Open(token, stored.Home).Load(ctx); !errors.Is(err, replica.ErrNoSession) {
				t.Errorf("%v later: %+v, %v", after, rec, err)
			}
			w.servers[stored.Home].Fail(off)
			w.probe()
		}
	})
}

// TestAStaleCopyIsNotBelievedWithTwoNodesSilent: a node was worked around, and has a stale copy. The nodes with the
// newer copies are both silent. The stale copy is not believed.
func TestAStaleCopyIsNotBelievedWithTwoNodesSilent(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, _ := w.create()
	w.servers[home].Fail(off)
	access := w.store.Open(token, home)
	if _, err := access.Write(t.Context(), set("2")); err != nil || access.Home() == home {
		t.Fatalf("%v, home %s", err, access.Home())
	}
	w.servers[home].Fail(nil)
	w.probe()
	for id, s := range w.servers {
		if id != home {
			s.Fail(off)
		}
	}
	for _, cookie := range []string{home, access.Home()} {
		if rec, err := w.store.Open(token, cookie).Load(t.Context()); !errors.Is(err, replica.ErrUnavailable) {
			t.Errorf("by %s: %v, %v", cookie, rec, err)
		}
	}
	for _, s := range w.servers {
		s.Fail(nil)
	}
	w.probe()
	for id := range w.servers {
		w.wantLoaded(id, "2")
	}
}
