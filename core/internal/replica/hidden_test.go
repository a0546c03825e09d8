package replica_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
)

// TestTheOnlyCopyIsNotGone: G11. A session began while the other node was away. That node is back, but has no copy yet,
// when the session's own node falls silent. The instance that began the session knows that there is one.
func TestTheOnlyCopyIsNotGone(t *testing.T) {
	for name, c := range map[string]struct {
		delivered bool // the other node has got what it is owed
		want      error
	}{
		"before the other node has a copy": {want: replica.ErrUnavailable},
		"after that":                       {delivered: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, 1)
			away := w.store.Cluster.Ranking(key)[1].ID()
			w.servers[away].Fail(off)
			w.probe()
			home, _ := w.create()
			w.servers[away].Fail(nil)
			w.probe()
			if _, err := w.store.Open("another token", home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
				t.Errorf("one that never was, with all nodes there: %v", err)
			}
			if c.delivered {
				w.deliver(away)
			}
			w.servers[home].Fail(off)
			for range 2 { // the first round meets the failure, the second one knows of it
				if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("%v; want %v", err, c.want)
				}
				if _, err := w.store.Open("another token", home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("one that never was, with its node silent: %v", err)
				}
			}
		})
	}
}

// TestAnOldCopyBesideASilentNode: G11. A session was changed while the other node was away. That node is back with its old copy, and
// has not got the change yet, when the session's own node falls silent. The instance that made the change does not believe the old copy,
// unless the silent node has been away for so long that what it has is lost.
func TestAnOldCopyBesideASilentNode(t *testing.T) {
	for name, c := range map[string]struct {
		delivered bool // the other node has got what it is owed
		away      time.Duration
		want      string // the value; empty: ErrUnavailable
	}{
		"before the other node has the change": {away: 30 * time.Second},
		"after that":                           {delivered: true, want: "2"},
		"when the silent node counts as lost":  {away: 2 * time.Minute, want: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, 1)
				home, backups := w.create()
				w.without(backups[0], func() {
					if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
						t.Fatal(err)
					}
				})
				if c.delivered {
					w.deliver(backups[0])
				}
				w.servers[home].Fail(off)
				w.probe()
				time.Sleep(c.away)
				rec, err := w.store.Open(token, home).Load(t.Context())
				if c.want == "" {
					if !errors.Is(err, replica.ErrUnavailable) {
						t.Errorf("%v, %v; want ErrUnavailable", rec, err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if n, _ := rec.Get("n"); string(n) != c.want {
					t.Errorf("%s; want %s", n, c.want)
				}
			})
		})
	}
}
