package replica_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// failover makes these nodes failover nodes, and all others regular nodes.
func (w *world) failover(ids ...string) {
	var members []cluster.Member
	for _, s := range nodetest.Several(len(w.nodes)) {
		m := cluster.Member{Node: w.nodes[s.ID()]}
		for _, id := range ids {
			m.Failover = m.Failover || id == s.ID()
		}
		members = append(members, m)
	}
	w.store.Cluster.Set(members)
}

// serve does what a request with a change does, and then what the request leaves to be done behind its back.
func (w *world) serve(a *replica.Access, change replica.Change) {
	w.t.Helper()
	if _, err := a.Write(context.Background(), change); err != nil {
		w.t.Fatal(err)
	}
	for i := 0; a.NeedsHeal(); i++ {
		if err := a.Heal(context.Background()); err != nil || i > 3 {
			w.t.Fatalf("it is still to be healed after %d writes: %v", i, err)
		}
	}
}

// TestLeaveFailover: F-36. A session is on a failover node while there is no other node, and leaves it when there are
// enough again. An id that still names it finds the session.
func TestLeaveFailover(t *testing.T) {
	for name, c := range map[string]struct {
		nodes, backups int
		failover       []string
		left           []string // nodes on which nothing stays
	}{
		"one copy":                                      {2, 0, []string{"n1"}, []string{"n1"}},
		"two copies, on failover nodes both":            {4, 1, []string{"n1", "n2"}, []string{"n1", "n2"}},
		"two copies, and one regular node":              {2, 1, []string{"n1"}, nil},
		"two copies, and one regular node beside two":   {3, 1, []string{"n1", "n2"}, nil},
		"two copies, of which one is on a regular node": {3, 1, []string{"n1"}, []string{"n1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.nodes, c.backups)
			w.failover(c.failover...)
			for id, s := range w.servers {
				if regular := !w.store.Cluster.Failover(id); regular && (len(c.failover) > c.backups || id == "n2") {
					s.Fail(off)
				}
			}
			w.probe()
			home, _ := w.create()
			for _, s := range w.servers {
				s.Fail(nil)
			}
			w.probe()
			if _, err := w.store.HealKey(t.Context(), key, home); err != nil || w.stored(home).Home != home {
				t.Errorf("who does not serve it has moved it: %v", err)
			}
			reader := w.store.Open(token, home)
			if _, err := reader.Load(t.Context()); err != nil || !reader.NeedsHeal() {
				t.Errorf("a read: %v, to be healed: %v", err, reader.NeedsHeal())
			}
			w.serve(w.store.Open(token, home), set("2"))
			for _, id := range c.left {
				if w.stored(id) != nil {
					t.Errorf("%s still has a copy", id)
				}
			}
			for _, from := range []string{home, "n1"} {
				a := w.store.Open(token, from)
				rec, err := a.Load(t.Context())
				if err != nil || a.NeedsHeal() || w.store.Cluster.Failover(rec.Home) || len(rec.Copies) < 1+c.backups {
					t.Errorf("by an id that names %s: home %s, %v, to be healed: %v", from, a.Home(), err, a.NeedsHeal())
				}
			}
			before := w.store.Relocations.Load()
			w.serve(w.store.Open(token, home), set("3"))
			if n := w.store.Relocations.Load() - before; n > 0 {
				t.Errorf("it has moved %d times more", n)
			}
		})
	}
}

// before calls do before the n-th operation of the world's store, counted from 0.
func (w *world) before(n int, do func()) {
	var came atomic.Int64
	for _, s := range w.servers {
		s.Fail(func(_ context.Context, op nodetest.Op, then func() error) error {
			if op.From == "" && came.Add(1) == int64(n)+1 {
				do()
			}
			return then()
		})
	}
}

// TestAWriteBesideALeave: while a session leaves its home, another instance writes it, or ends it, at any moment.
// Neither the write nor the logout is lost.
func TestAWriteBesideALeave(t *testing.T) {
	acts := map[string]func(a *replica.Access) error{
		"writes": func(a *replica.Access) error { _, err := a.Write(context.Background(), mark); return err },
		"ends":   func(a *replica.Access) error { return a.Destroy(context.Background(), nil) },
	}
	for what, act := range acts {
		for _, backups := range []int{0, 1} {
			for _, why := range []string{"a failover node", "too small"} {
				for n := range 14 {
					t.Run(fmt.Sprintf("another one %s it, %d backups, the home is %s, before operation %d", what, backups, why, n), func(t *testing.T) {
						w, home, _, _ := smallWorld(t, 3, backups, "home")
						if why != "too small" {
							w = newWorld(t, 3, backups)
							w.create()
							w.failover(home)
						}
						other, acted := w.another([]string{"n1", "n2", "n3"}), false
						w.before(n, func() {
							if err := act(other.Open(token, home)); err != nil {
								t.Fatal(err)
							}
							acted = true
						})
						_, err := w.store.Open(token, home).Write(t.Context(), set(large))
						w.before(-1, nil)
						rec, found := other.Open(token, home).Load(t.Context())
						switch {
						case acted && what == "ends":
							if found == nil {
								t.Errorf("the session is back; the write: %v", err)
							}
						case err != nil || found != nil:
							t.Errorf("%v, %v", err, found)
						default:
							value, _ := rec.Get("n")
							if _, marked := rec.Get("mark"); len(value) != len(large) || marked != acted {
								t.Errorf("a change is lost: %d bytes, marked %v, which was done: %v", len(value), marked, acted)
							}
						}
					})
				}
			}
		}
	}
}

// mark is a change that sets the attribute mark.
func mark(rec *record.Record) error {
	next := rec.Draft()
	next.Set("mark", nil)
	rec.Attributes = next.Attributes
	return nil
}
