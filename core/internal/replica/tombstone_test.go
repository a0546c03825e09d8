package replica_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestALogoutWithoutBackupsOutlivesItsNode: G6, found by chaos. A session without backups that had to move leaves an old
// copy behind. Its tombstone must not be on one node only, or the old copy is believed when that node has gone.
func TestALogoutWithoutBackupsOutlivesItsNode(t *testing.T) {
	w := newWorld(t, 3, 0)
	home, _ := w.create()
	held := w.held(home)
	w.without(home, func() { // so that the instance that holds it in memory moves it
		access := w.store.Open(token, home)
		access.Keep(held)
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

// TestTheTombstoneOfALongLifeLasts: it lasts as long as a stale copy may, however long that is.
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
