package replica_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAnAttemptIsTakenBackWhereNoCopyIs: a write has got to a backup. Another instance, which does without the backup
// for a moment, is faster at the home. The write is then made elsewhere. What it has left on the former backup must not
// count as a copy when both nodes of the session are silent.
func TestAnAttemptIsTakenBackWhereNoCopyIs(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, backups := w.create()
	former, ctx := backups[0], context.Background()
	other := w.another([]string{"n1", "n2", "n3"})
	w.servers[home].Fail(nodetest.Once(nodetest.Writes("msm:s:"), func() {
		w.servers[former].Fail(nodetest.Refuse(nodetest.ErrLost))
		if _, err := other.Open(token, home).Write(ctx, set("2")); err != nil {
			t.Error(err)
		}
		w.servers[former].Fail(nil)
	}))
	if _, err := w.store.Open(token, home).Write(ctx, set("3")); err != nil {
		t.Fatal(err)
	}
	if now := w.stored(home); now == nil || len(now.Copies) != 2 || now.Copies[1].Node == former {
		t.Fatalf("the session has %+v", now)
	}
	if n := w.deliver(former); n == 0 {
		t.Error("nothing is brought to the former backup")
	}
	if left := w.stored(former); left.Rank() != w.stored(home).Rank() {
		t.Errorf("the former backup has %+v", left)
	}
}

// TestALogoutEndsWhatASessionLeftBehind: G6. A session has moved while one of its nodes was away. Another instance logs
// out, which does not know that the node is owed anything. Then both nodes fail that have the session by now. The
// session stays gone.
func TestALogoutEndsWhatASessionLeftBehind(t *testing.T) {
	w := newWorld(t, 3, 1)
	_, backups := w.create()
	former := backups[0]
	other := w.another([]string{"n1", "n2", "n3"})
	w.without(former, func() {
		if _, err := w.store.Open(token, "").Write(t.Context(), set("2")); err != nil {
			t.Fatal(err)
		}
	})
	if err := other.Open(token, "").Destroy(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for id, s := range w.servers {
		if id != former {
			s.Fail(off)
		}
	}
	if rec, err := other.Open(token, former).Load(t.Context()); err == nil {
		t.Errorf("after the logout: %+v", rec)
	}
}
