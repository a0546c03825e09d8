package replica_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// TestAWriteThatIsDoneInTheEnd: a node that has what is stored, by a later attempt of the write, is owed nothing: else the copy there
// would not be believed, and without backups it is the only one.
func TestAWriteThatIsDoneInTheEnd(t *testing.T) {
	for backups := range 2 {
		t.Run(fmt.Sprintf("%d backups", backups), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, backups)
				home, _ := w.create()
				a := w.store.Open(token, home)
				if _, err := a.Load(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.servers[home].Fail(nodetest.Only(nodetest.Writes("msm:s:"), nodetest.Mute(1)))
				w.store.Patience = time.Second
				time.AfterFunc(time.Millisecond, func() { _ = w.nodes[home].Probe(context.Background()) }) // the request waits for it
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
