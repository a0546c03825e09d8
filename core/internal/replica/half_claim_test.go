package replica_test

import (
	"context"
	"testing"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
)

// halfClaimed makes a session that an instance which did not reach its home began to move to a third node. The instance
// ended half way. Others, which reach the home, have written the session since.
func (w *world) halfClaimed() (home, third string) {
	w.t.Helper()
	home, backups := w.create()
	backup := backups[0]
	for id := range w.servers {
		if id != home && id != backup {
			third = id
		}
	}
	w.plant(third, w.claim(w.stored(backup), third, backup, "claimed", 11))
	if _, err := w.store.Open(token, home).Write(context.Background(), set("acknowledged")); err != nil {
		w.t.Fatal(err)
	}
	return home, third
}

// TestAClaimThatWasLeftHalfWay: whoever finds such a claim, where it was left, does not finish it, because other writes
// were acknowledged since.
func TestAClaimThatWasLeftHalfWay(t *testing.T) {
	for name, do := range map[string]func(w *world, third string) error{
		"a refill comes to it": func(w *world, third string) error {
			_, err := w.store.HealKey(context.Background(), key, third)
			return err
		},
		"a request comes to it": func(w *world, third string) error {
			_, err := w.store.Open(token, third).Load(context.Background())
			return err
		},
		"a request that changes something does": func(w *world, third string) error {
			_, err := w.store.Open(token, third).Write(context.Background(), func(*record.Record) error { return nil })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, third := w.halfClaimed()
			if err := do(w, third); err != nil {
				t.Fatal(err)
			}
			rec, err := w.store.Open(token, home).Write(context.Background(), func(*record.Record) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if value, _ := rec.Get("n"); string(value) != "acknowledged" {
				t.Errorf("the session has %q", value)
			}
		})
	}
}

// TestAHalfClaimThatWasReadStays: an instance that did not reach a session's home has moved it, and ended before the
// claim was on its second node. What a request has read of it is still there when the claim's only node dies.
func TestAHalfClaimThatWasReadStays(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, backups := w.create()
	first := backups[0]
	other := w.another([]string{"n1", "n2", "n3"})
	ended, end := context.WithCancel(context.Background())
	defer end()
	for id, s := range w.servers {
		if id != home && id != first {
			s.Fail(func(_ context.Context, op nodetest.Op, do func() error) error {
				if !op.Write() {
					return do()
				}
				end()
				return context.Canceled
			})
		}
	}
	w.without(home, func() {
		if _, err := other.Open(token, home).Write(ended, set("claimed")); err == nil {
			t.Fatal("the claim was not left half way")
		}
		for _, s := range w.servers {
			s.Fail(nil)
		}
		w.servers[home].Fail(off)
		rec, err := w.store.Open(token, first).Load(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if value, _ := rec.Get("n"); string(value) != "claimed" {
			t.Fatalf("the session has %q", value)
		}
	})
	w.deliver(home)
	w.servers[first].Fail(off)
	rec, err := w.store.Open(token, home).Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if value, _ := rec.Get("n"); string(value) != "claimed" {
		t.Errorf("the session has %q, and a request was shown what the claim made of it", value)
	}
}
