package replica_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/replica"
)

// smallWorld returns a world with a session, in which one node takes no items of more than 2,000 bytes. which says
// which node that is for the session: the home, a backup or the third one.
func smallWorld(t testing.TB, nodes, backups int, which string) (w *world, home, small string, others []string) {
	w = newWorld(t, nodes, backups)
	home, copies := w.create()
	all := []string{"n1", "n2", "n3"}[:nodes]
	switch which {
	case "home":
		small = home
	case "backup":
		small = copies[0]
	default:
		small = all[slices.IndexFunc(all, func(id string) bool { return id != home && !slices.Contains(copies, id) })]
	}
	w = newWorld(t, nodes, backups) // the session gets the same nodes again
	w.servers[small].Restart(memcache.NewMemory(memcache.MemoryOptions{MaxItem: 2_000}))
	w.probe()
	if again, _ := w.create(); again != home {
		t.Fatal("another home")
	}
	return w, home, small, slices.DeleteFunc(all, func(id string) bool { return id == small })
}

// large is a value that the small node does not take.
var large = strings.Repeat("x", 4_000)

// TestASessionTooLargeForANode: one of two nodes takes only smaller items than the other. A change that it refuses
// leaves no trace, whichever of them was asked first, and the session goes on.
func TestASessionTooLargeForANode(t *testing.T) {
	for _, which := range []string{"home", "backup"} {
		t.Run(which, func(t *testing.T) {
			w, home, _, _ := smallWorld(t, 2, 1, which)
			before := map[string]string{}
			for id, s := range w.servers {
				before[id] = string(s.Value(key))
			}
			for range 3 {
				if _, err := w.store.Open(token, home).Write(t.Context(), set(large)); !errors.Is(err, replica.ErrTooLarge) {
					t.Fatalf("%v; want ErrTooLarge", err)
				}
				for id, s := range w.servers {
					if string(s.Value(key)) != before[id] {
						t.Errorf("%s has something else than before", id)
					}
				}
			}
			access := w.store.Open(token, home)
			if _, err := access.Write(t.Context(), set("2")); err != nil || access.Moved() {
				t.Errorf("the next change: %v, moved %v", err, access.Moved())
			}
		})
	}
}

// TestALargeSessionLivesOnTheOtherNodes: of three nodes one takes only smaller items. The others keep a session that is
// too large for it, and an id that names the small node finds the session.
func TestALargeSessionLivesOnTheOtherNodes(t *testing.T) {
	for _, which := range []string{"home", "backup", "third"} {
		t.Run(which, func(t *testing.T) {
			w, home, small, others := smallWorld(t, 3, 1, which)
			access := w.store.Open(token, home)
			if _, err := access.Write(t.Context(), set(large)); err != nil {
				t.Fatal(err)
			}
			if err := access.Heal(t.Context()); err != nil { // this settles the claim of a new place
				t.Fatal(err)
			}
			if rec := w.stored(small); rec != nil {
				t.Errorf("%s still has an older copy", small)
			}
			for _, id := range others {
				if rec := w.stored(id); rec == nil || rec.Size() < len(large) {
					t.Errorf("%s has no copy", id)
				}
			}
			for _, named := range []string{small, access.Home()} {
				found := w.store.Open(token, named)
				if rec, err := found.Load(t.Context()); err != nil || rec.Size() < len(large) || found.NeedsHeal() {
					t.Errorf("by an id that names %s: %v, to be healed: %v", named, err, found.NeedsHeal())
				}
			}
			if n := w.store.UnderReplicated.Load(); n > 0 {
				t.Errorf("%d writes left too few copies", n)
			}
		})
	}
}

// TestALargeSessionOutlivesItsNode: one of the two nodes that take the session is down. The session is read and written
// with one copy, and nothing is tried again and again to get a second one. When the node is back, all is as before.
func TestALargeSessionOutlivesItsNode(t *testing.T) {
	w, home, small, others := smallWorld(t, 3, 1, "third")
	if _, err := w.store.Open(token, home).Write(t.Context(), set(large)); err != nil {
		t.Fatal(err)
	}
	for _, gone := range others {
		t.Run(gone, func(t *testing.T) {
			access := w.store.Open(token, gone)
			if _, err := access.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.servers[gone].Fail(off)
			w.probe()
			for i := range 3 {
				access := w.store.Open(token, access.Home())
				if rec, err := access.Load(t.Context()); err != nil || rec.Size() < len(large) {
					t.Fatalf("read %d: %v", i, err)
				}
				if _, err := access.Write(t.Context(), set(large)); err != nil {
					t.Fatalf("write %d: %v", i, err)
				}
				if i > 0 && access.NeedsHeal() {
					t.Error("there is nowhere to put a second copy, and it is tried again")
				}
			}
			w.servers[gone].Fail(nil)
			w.probe()
			if err := w.store.Deliver(t.Context(), w.nodes[gone], key); err != nil {
				t.Fatal(err)
			}
			if rec := w.stored(gone); rec == nil || rec.Size() < len(large) || w.stored(small) != nil {
				t.Errorf("%s has no copy again, or %s has one", gone, small)
			}
		})
	}
}

// TestANewSessionThatIsTooLargeForANode: a new session takes other nodes then, or leaves nothing behind.
func TestANewSessionThatIsTooLargeForANode(t *testing.T) {
	for nodes, want := range map[int]error{2: replica.ErrTooLarge, 3: nil} {
		for _, which := range []string{"home", "backup"} {
			w, _, small, _ := smallWorld(t, nodes, 1, which)
			for _, s := range w.servers {
				s.Evict(key)
			}
			first := session()
			first.Set("n", []byte(large))
			rec, err := w.store.Open(token, "").Create(t.Context(), first)
			if !errors.Is(err, want) || err == nil && (len(rec.Copies) != 2 || rec.Home == small) {
				t.Errorf("%d nodes, the %s is small: %v", nodes, which, err)
			}
			for id, s := range w.servers {
				if s.Value(key) != nil && (want != nil || id == small) {
					t.Errorf("%d nodes, the %s is small: something is left on %s", nodes, which, id)
				}
			}
		}
	}
}

// TestASizeIsOfTheMoment: a node is restarted with other limits, and a session changes its size. What a node refused
// before does not matter then.
func TestASizeIsOfTheMoment(t *testing.T) {
	w, home, small, _ := smallWorld(t, 2, 1, "backup")
	if _, err := w.store.Open(token, home).Write(t.Context(), set(large)); !errors.Is(err, replica.ErrTooLarge) {
		t.Fatal(err)
	}
	w.servers[small].Restart(nil)
	w.probe()
	rec, err := w.store.Open(token, home).Write(t.Context(), set(large))
	if err != nil || len(rec.Copies) != 2 {
		t.Errorf("after a restart with larger items: %v", err)
	}
	w.servers[small].Restart(memcache.NewMemory(memcache.MemoryOptions{MaxItem: 2_000}))
	w.probe()
	if _, err := w.store.Open(token, home).Load(context.Background()); err != nil {
		t.Error(err)
	}
	if err := w.store.Open(token, home).Heal(t.Context()); err != nil {
		t.Errorf("what cannot have a second copy any more: %v", err)
	}
	if rec, err = w.store.Open(token, home).Write(t.Context(), set("2")); err != nil || len(rec.Copies) != 2 {
		t.Errorf("after a restart with smaller ones: %v", err)
	}
}
