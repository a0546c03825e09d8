package replica_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
)

// TestALateClaimThatIsFinishedAfterAll: of two claims, each on one node only, the earlier one is gone on from, for the other one
// did not get to a node that both name. When it gets there before this is written, it is acknowledged, and stays.
func TestALateClaimThatIsFinishedAfterAll(t *testing.T) {
	w := newWorld(t, 4, 1)
	home, backups := w.create()
	shared, base := backups[0], w.stored(home)
	var free []string
	for id := range w.servers {
		if id != home && id != shared {
			free = append(free, id)
		}
	}
	slices.Sort(free)
	w.servers[home].Fail(off)
	w.probe()
	// claim goes on from a record on a node, which has got no further yet.
	claim := func(from *record.Record, id string, value string, write uint64) *record.Record {
		next := *from
		if err := set(value)(&next); err != nil {
			t.Fatal(err)
		}
		next.EndTerm(from.Rank())
		next.AddWrite(write, from.LastAccess)
		next.Term, next.Version, next.Home, next.Unsettled = from.Term+1, from.Version+1, id, true
		next.Copies = []record.Copy{{Node: id, Epoch: w.nodes[id].Epoch()}, {Node: shared, Epoch: w.nodes[shared].Epoch()}}
		return &next
	}
	put := func(id string, rec *record.Record) {
		m := w.servers[id].Memory()
		item, err := m.Get(context.Background(), key)
		item.Value = rec.Append(nil)
		if err != nil {
			err = m.Add(context.Background(), key, item, 0)
		} else {
			err = m.CompareAndSwap(context.Background(), key, item, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(free[0], claim(base, free[0], "earlier", 11))
	later := claim(claim(base, free[1], "later", 12), free[1], "later", 13)
	put(free[1], later)

	var finish sync.Once
	for _, n := range w.servers {
		if n.ID() != home {
			n.Fail(nodetest.Once(nodetest.Writes("msm:"), func() { finish.Do(func() { put(shared, later) }) }))
		}
	}
	if _, err := w.store.Open(token, home).Load(context.Background()); err != nil {
		t.Fatal(err)
	}
	for id, n := range w.servers {
		if id != home {
			n.Fail(nil)
		}
	}
	rec, err := w.store.Open(token, free[1]).Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if value, _ := rec.Get("n"); string(value) != "later" {
		t.Errorf("the session has %q, and the later claim was on both its nodes", value)
	}
}
