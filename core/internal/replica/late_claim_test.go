package replica_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
)

// claim returns the record of a claim that goes on from another record, with another home and a backup. No node has it
// yet.
func (w *world) claim(from *record.Record, home, backup, value string, write uint64) *record.Record {
	w.t.Helper()
	next := *from
	if err := set(value)(&next); err != nil {
		w.t.Fatal(err)
	}
	next.EndTerm(from.Rank())
	next.AddWrite(write, from.LastAccess)
	next.Term, next.Version, next.Home, next.Unsettled = from.Term+1, from.Version+1, home, true
	next.Copies = []record.Copy{{Node: home, Epoch: w.nodes[home].Epoch()}, {Node: backup, Epoch: w.nodes[backup].Epoch()}}
	return &next
}

// plant stores a record on a server, which no node notices.
func (w *world) plant(id string, rec *record.Record) {
	w.t.Helper()
	if w.tokenOn(id) != 0 {
		w.overwrite(id, rec.Append(nil))
		return
	}
	if err := w.servers[id].Memory().Add(context.Background(), key, memcache.Item{Value: rec.Append(nil)}, 0); err != nil {
		w.t.Fatal(err)
	}
}

// TestALateClaimThatIsFinishedAfterAll: each of two claims is on one node only. A reader goes on from the earlier one,
// because the later one has not got to a node that both name. If it gets there before the reader writes, it is
// acknowledged, and stays.
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
	w.plant(free[0], w.claim(base, free[0], shared, "earlier", 11))
	later := w.claim(w.claim(base, free[1], shared, "later", 12), free[1], shared, "later", 13)
	w.plant(free[1], later)

	var finish sync.Once
	for _, n := range w.servers {
		if n.ID() != home {
			n.Fail(nodetest.Once(nodetest.Writes("msm:"), func() { finish.Do(func() { w.plant(shared, later) }) }))
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
	w.wantLoaded(free[1], "later") // the claim was on both its nodes
}
