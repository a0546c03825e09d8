package replica_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestAnAttemptThatAClaimHasLeftBehind: a backup stands still, so a change takes another node in its place, and is
// acknowledged. An attempt that was on its way to the former backup gets there late. Then the home dies. While someone
// brings the session to the former backup, others see the attempt there. It was acknowledged to nobody, and the change
// was, so the change counts.
func TestAnAttemptThatAClaimHasLeftBehind(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, backups := w.create()
	former, ctx := backups[0], context.Background()

	late := w.stored(former)
	late.AddWrite(11, late.LastAccess)
	late.Version++
	w.servers[former].Fail(nodetest.Refuse(nodetest.ErrLost))
	if _, err := w.store.Open(token, home).Write(ctx, set("acknowledged")); err != nil {
		t.Fatal(err)
	}
	w.servers[former].Fail(nil)
	w.overwrite(former, late.Append(nil))
	w.servers[home].Fail(off)
	w.probe()

	found := func(store *replica.Store, when string) {
		t.Helper()
		rec, err := store.Open(token, home).Load(ctx)
		if err != nil {
			t.Fatal(when, err)
		}
		if value, _ := rec.Get("n"); string(value) != "acknowledged" {
			t.Errorf("%s the session has %q", when, value)
		}
	}
	other := w.another([]string{"n1", "n2", "n3"})
	inTheMidst := func() { found(other, "in the midst of the repair") }
	w.servers[former].Fail(nodetest.Once(nodetest.Writes("msm:s:"), inTheMidst))
	found(w.store, "after the repair")
}
