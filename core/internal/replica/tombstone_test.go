package replica_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestALogoutWithoutBackupsOutlivesItsNode: G6. A session without backups that had to move leaves an old copy behind.
// Its tombstone must not be on one node only, or the old copy is believed when that node has gone.
func TestALogoutWithoutBackupsOutlivesItsNode(t *testing.T) {
	w := newWorld(t, 3, 0)
	home, _ := w.create()
	held := w.held(home)
	w.without(home, func() { // so that the instance that holds the session in memory moves it
		access := w.store.Open(token, home)
		access.Hold(held)
		if _, err := access.Write(context.Background(), set("2")); err != nil {
			t.Fatal(err)
		}
	})
	w.probe()
	moved := ""
	for id := range w.servers {
		if id != home && w.stored(id) != nil {
			moved = id
		}
	}
	if err := w.store.Open(token, moved).Destroy(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	w.restart(moved)
	for id := range w.servers {
		if rec, err := w.store.Open(token, id).Load(context.Background()); !errors.Is(err, replica.ErrNoSession) {
			t.Errorf("by %s: %v, %v", id, rec, err)
		}
	}
}

// TestTheTombstoneOfALongLifeLasts: a tombstone lasts as long as a stale copy may, however long that is.
func TestTheTombstoneOfALongLifeLasts(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, idle := range []time.Duration{time.Hour, 14 * year, 50 * year, 140 * year, math.MaxInt64} {
		w := newWorld(t, 2, 1)
		home, _ := w.create()
		access := w.store.Open(token, home)
		_, err := access.Write(context.Background(), func(rec *record.Record) error { rec.IdleTimeout = idle; return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := access.Destroy(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		dead := w.stored(home)
		if dead == nil || !dead.Tombstone || dead.Expired(time.Now().Add(idle)) {
			t.Errorf("idle timeout %v: %+v", idle, dead)
		}
	}
}

// TestDamagedCopiesAreDestroyed: a session with damaged copies can be destroyed, even if a good copy is out of reach.
// That one is not believed when its node is back.
func TestDamagedCopiesAreDestroyed(t *testing.T) {
	for name, c := range map[string]struct {
		nodes, backups int
		silent         bool // the home, whose copy is good, does not answer
	}{
		"the only one":                 {1, 0, false},
		"both":                         {2, 1, false},
		"both, of three nodes":         {3, 1, false},
		"one, the other is silent":     {2, 1, true},
		"one of three nodes, likewise": {3, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.nodes, c.backups)
			home, damaged := w.create()
			for range 3 {
				if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
					t.Fatal(err)
				}
			}
			if !c.silent {
				damaged = append(damaged, home)
			}
			for _, id := range damaged {
				w.overwrite(id, []byte("no record"))
			}
			destroy := func() {
				want := replica.ErrDamaged
				if c.silent {
					want = replica.ErrUnavailable
				}
				if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, want) || !replica.CanOnlyEnd(err) {
					t.Errorf("before: %v", err)
				}
				if err := w.store.Open(token, home).Destroy(t.Context(), nil); err != nil {
					t.Error(err)
				}
				if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("after it: %v", err)
				}
			}
			if c.silent {
				w.without(home, destroy)
				w.probe()
			} else {
				destroy()
			}
			for id := range w.servers {
				if rec, err := w.store.Open(token, id).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("by %s: %v, %v", id, rec, err)
				}
			}
		})
	}
}

// TestTombstonesOutliveStaleCopies: a session that has moved may have left a copy on a node that was worked around, and
// that copy must not outlive the tombstone. In the end no node keeps anything.
func TestTombstonesOutliveStaleCopies(t *testing.T) {
	for name, moved := range map[string]bool{"never moved": false, "moved away from a node that hung": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3, 1)
				home, _ := w.create()
				access := w.store.Open(token, home)
				if moved {
					w.servers[home].Fail(off)
					if _, err := access.Write(t.Context(), set("2")); err != nil {
						t.Fatal(err)
					}
					w.servers[home].Fail(nil)
					w.probe()
				}
				if err := w.store.Open(token, access.Home()).Destroy(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				for minute := range 60 {
					for _, id := range []string{home, access.Home()} {
						if _, err := w.store.Open(token, id).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
							t.Fatalf("after %d minutes, by %s: %v", minute, id, err)
						}
					}
					time.Sleep(time.Minute)
				}
				for id := range w.servers {
					if w.stored(id) != nil {
						t.Errorf("%s still has something", id)
					}
				}
			})
		})
	}
}
