package replica_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestErrUnavailableSaysWhichNodeAndWhy: it does so wherever it comes from, whether the request meets the failure or
// the instance knows of it.
func TestErrUnavailableSaysWhichNodeAndWhy(t *testing.T) {
	load := func(w *world, at string) error {
		_, err := w.store.Open(token, at).Load(context.Background())
		return err
	}
	create := func(w *world) error {
		_, err := w.store.Open(token, "").Create(context.Background(), session())
		return err
	}
	refused := func(ids ...string) (list []string) {
		for _, id := range ids {
			list = append(list, "node "+id+" ("+id+")", "connection refused")
		}
		return list
	}
	for name, c := range map[string]struct {
		nodes, backups int
		off            []string
		end            func(w *world) error
		want           []string
	}{
		"no node answers a load": {2, 1, []string{"n1", "n2"}, func(w *world) error { return load(w, "n1") }, refused("n1", "n2")},
		"two of three are silent": {3, 1, []string{"n1", "n2"}, func(w *world) error { return load(w, "n1") },
			append(refused("n1", "n2"), "may lack")},
		"without backups the home fails when its miss is confirmed": {2, 0, nil, func(w *world) error {
			w.servers["n1"].Fail(from(2, nodetest.ErrLost))
			return load(w, "n1")
		}, []string{"node n1 (n1)", "i/o timeout"}},
		"no connection is free": {2, 1, nil, func(w *world) error {
			w.servers["n1"].Fail(nodetest.Refuse(memcache.ErrBusy))
			return load(w, "n1")
		}, []string{"node n1 (n1)", memcache.ErrBusy.Error()}},
		"no connection is free for a write": {2, 1, nil, func(w *world) error {
			home, backups := w.create()
			w.servers[backups[0]].Fail(nodetest.Refuse(memcache.ErrBusy))
			_, err := w.store.Open(token, home).Write(context.Background(), set("2"))
			return err
		}, []string{"node n", memcache.ErrBusy.Error()}},
		"the id names a node that is not there any more": {2, 1, []string{"n1", "n2"}, func(w *world) error { return load(w, "n9") },
			append(refused("n1", "n2"), "node n9", "not among the configured nodes")},
		"only copies that may be old": {3, 1, nil, func(w *world) error {
			home := w.moved()
			for id, s := range w.servers {
				if id != home {
					s.Fail(off)
				}
			}
			return load(w, home)
		}, []string{"connection refused", "copies that may be old"}},
		"without backups the home is away": {2, 0, nil, func(w *world) error {
			home, _ := w.create()
			w.servers[home].Fail(off)
			return load(w, home)
		}, []string{"node n", "connection refused", "one may have the session"}},
		"without backups the home is away, and an older copy is there": {2, 0, nil, func(w *world) error {
			w.moved()
			home := w.store.Open(token, "n1")
			if _, err := home.Load(context.Background()); err != nil {
				return err
			}
			w.servers[home.Home()].Fail(off)
			return load(w, home.Home())
		}, []string{"node n", "connection refused", "copies that may be old"}},
		"the caller may have stood still": {3, 1, nil, func(w *world) error {
			home, _ := w.create()
			kept := w.held(home)
			w.restart(home)
			for id, s := range w.servers {
				if id != home {
					s.Fail(off)
				}
			}
			access := w.store.Open(token, home)
			access.Hold(kept)
			_, err := access.Write(context.Background(), set("2"))
			return err
		}, []string{"node n", "connection refused", "stood still"}},
		"no node for a new session": {2, 1, []string{"n1", "n2"}, create, refused("n1", "n2")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.nodes, c.backups)
				for _, id := range c.off {
					w.servers[id].Fail(off)
				}
				for _, known := range []bool{false, true} {
					err := c.end(w)
					if !errors.Is(err, replica.ErrUnavailable) {
						t.Fatal(err)
					}
					for _, text := range c.want {
						if !strings.Contains(err.Error(), text) {
							t.Errorf("%q is missing in %q", text, err)
						}
					}
					if len(c.off) == 0 {
						return
					}
					if known && !strings.Contains(err.Error(), "down for 3s") {
						t.Errorf("since when is missing in %q", err)
					}
					time.Sleep(3 * time.Second)
				}
			})
		})
	}
}

// from returns a fault of the n-th operation and all later ones.
func from(n int, err error) nodetest.Fault {
	return func(_ context.Context, _ nodetest.Op, do func() error) error {
		if n--; n <= 0 {
			return err
		}
		return do()
	}
}

// moved makes a session that has left its first home. That node, which it returns, is back with an old copy.
func (w *world) moved() (first string) {
	w.t.Helper()
	first, _ = w.create()
	access := w.store.Open(token, first)
	if w.store.Backups == 0 {
		access.Hold(w.stored(first))
	}
	w.servers[first].Fail(off)
	if _, err := access.Write(context.Background(), set("2")); err != nil {
		w.t.Fatal(err)
	}
	w.servers[first].Fail(nil)
	w.probe()
	return first
}
