package replica_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestHealKey: a caller that knows only the key, not the token, can repair every copy. Where nothing is to be repaired,
// nothing is written.
func TestHealKey(t *testing.T) {
	for name, c := range map[string]struct {
		nodes int
		wrong func(t *testing.T, w *world, home, backup string)
		seen  string // home, backup, other, none
		heals bool
		value string // in both copies afterwards; empty: there is no session
	}{
		"all is well, seen at home":                {3, nothing, "home", false, "1"},
		"all is well, seen at the backup":          {3, nothing, "backup", false, "1"},
		"the home was restarted empty":             {3, func(_ *testing.T, w *world, home, _ string) { w.restart(home) }, "backup", true, "1"},
		"the backup was restarted empty":           {3, func(_ *testing.T, w *world, _, backup string) { w.restart(backup) }, "home", true, "1"},
		"the home of two was restarted empty":      {2, func(_ *testing.T, w *world, home, _ string) { w.restart(home) }, "backup", true, "1"},
		"the home is stale, seen there":            {2, stale, "home", true, "2"},
		"the home is stale, seen at the backup":    {2, stale, "backup", true, "2"},
		"a stale session was destroyed, seen home": {2, staleDestroyed, "home", true, ""},
		"a stale session was destroyed":            {2, staleDestroyed, "backup", true, ""},
		"a node came back that could take a copy":  {2, written, "backup", true, "2"},
		"the key was seen where it is not any more": {3, func(_ *testing.T, w *world, home, _ string) { w.restart(home) },
			"home", true, "1"},
		"the node it was seen on is no more in the list": {3, nothing, "none", false, "1"}, // all nodes are asked
		"the session was never there": {3, func(_ *testing.T, w *world, home, backup string) { w.restart(home); w.restart(backup) },
			"home", false, ""},
		"the session has expired": {3, func(_ *testing.T, w *world, home, _ string) { time.Sleep(time.Hour); w.restart(home) },
			"backup", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.nodes, 1)
				home, backups := w.create()
				c.wrong(t, w, home, backups[0])
				seen := map[string]string{"home": home, "backup": backups[0], "none": "n9"}[c.seen]
				healed, err := w.store.HealKey(t.Context(), key, seen)
				if healed != c.heals || err != nil {
					t.Errorf("healed: %v, %v; want %v", healed, err, c.heals)
				}
				if again, err := w.store.HealKey(t.Context(), key, home); again || err != nil {
					t.Errorf("once more: %v, %v", again, err)
				}
				w.checkBoth(c.value)
			})
		})
	}
}

func nothing(*testing.T, *world, string, string) {}

// stale leaves the home with an old copy: it hung while a request went on without it.
func stale(t *testing.T, w *world, home, _ string) {
	w.without(home, func() {
		if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
			t.Fatal(err)
		}
	})
}

// staleDestroyed does the same, and the request was a logout.
func staleDestroyed(t *testing.T, w *world, home, _ string) {
	w.without(home, func() {
		if err := w.store.Open(token, home).Destroy(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	})
}

// written is stale and more: the home died, a request went on with one copy, and the node is there again, empty.
func written(t *testing.T, w *world, home, backup string) {
	stale(t, w, home, backup)
	w.restart(home)
}

// without does something while a node is off, and probes all nodes when it is on again.
func (w *world) without(id string, do func()) {
	w.servers[id].Fail(off)
	do()
	w.servers[id].Fail(nil)
	w.probe()
}

// restart starts a server anew, empty, and probes all nodes.
func (w *world) restart(id string) {
	w.servers[id].Restart(nil)
	w.probe()
}

// checkBoth checks that two nodes have the same settled record, in their present epochs. With no value there must be no
// live copy.
func (w *world) checkBoth(value string) {
	w.t.Helper()
	var copies []*record.Record
	for id, n := range w.nodes {
		rec := w.stored(id)
		if rec == nil || rec.Expired(time.Now()) {
			continue
		}
		copies = append(copies, rec)
		got, _ := rec.Get("n")
		if epoch, _ := rec.Copy(id); epoch != n.Epoch() || rec.Unsettled || string(got) != value || rec.Tombstone != (value == "") {
			w.t.Errorf("%s has %q in epoch %x, unsettled: %v", id, got, epoch, rec.Unsettled)
		}
	}
	if value != "" && len(copies) != 2 || len(copies) == 1 {
		w.t.Errorf("%d copies", len(copies))
	}
}

// TestHealKeyWhileNoNodeAnswers: HealKey says so, because then the key has to be looked at again.
func TestHealKeyWhileNoNodeAnswers(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	w.servers[home].Fail(off)
	w.servers[backups[0]].Fail(off)
	if healed, err := w.store.HealKey(context.Background(), key, home); healed || !errors.Is(err, replica.ErrUnavailable) {
		t.Errorf("%v, %v", healed, err)
	}
}
