package replica_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// held returns what an instance has in memory that has loaded the session.
func (w *world) held(home string) *record.Record {
	w.t.Helper()
	rec, err := w.store.Open(token, home).Load(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

// write has an instance that holds rec in memory set an attribute, and returns what was stored.
func (w *world) write(home string, rec *record.Record, n string) (*record.Record, error) {
	a := w.store.Open(token, home)
	a.Hold(rec)
	return a.Write(context.Background(), func(r *record.Record) error {
		r.Set(n, []byte("1"))
		return nil
	})
}

func TestHold(t *testing.T) {
	for name, c := range map[string]struct {
		nodes int
		test  func(w *world, home string)
	}{
		"no node has it any more: it is stored again, with the next term": {2, func(w *world, home string) {
			rec := w.held(home)
			w.restart(home)
			stored, err := w.write(home, rec, "x")
			if err != nil || stored.Home != home || stored.Term != rec.Term+1 || stored.Version <= rec.Version {
				w.t.Errorf("%+v, %v", stored, err)
			}
		}},
		"the home is dead: another node gets it": {2, func(w *world, home string) {
			rec := w.held(home)
			w.servers[home].Fail(off)
			stored, err := w.write(home, rec, "x")
			if err != nil || stored.Home == home || stored.Term != rec.Term+1 {
				w.t.Errorf("%+v, %v", stored, err)
			}
			w.servers[home].Fail(nil)
			w.probe() // it is back, with the old copy
			w.probe()
			if found, err := w.store.Open(token, home).Load(context.Background()); err != nil || len(found.Attributes) != 2 {
				w.t.Errorf("%+v, %v", found, err)
			}
		}},
		"an old copy turns up where the newest was lost: what is held wins": {2, func(w *world, home string) {
			old := w.held(home)
			w.servers[home].Fail(off)
			newest, err := w.write(home, old, "x")
			if err != nil {
				w.t.Fatal(err)
			}
			w.servers[home].Fail(nil)
			w.servers[newest.Home].Fail(off)
			w.probe()
			w.probe()
			stored, err := w.write(newest.Home, newest, "y")
			if err != nil || len(stored.Attributes) != 3 || stored.Term <= newest.Term {
				w.t.Errorf("%+v, %v", stored, err)
			}
		}},
		"another instance wrote meanwhile: that is what changes begin from": {2, func(w *world, home string) {
			rec := w.held(home)
			if _, err := w.write(home, rec, "theirs"); err != nil {
				w.t.Fatal(err)
			}
			stored, err := w.write(home, rec, "ours")
			if err != nil || len(stored.Attributes) != 3 || stored.Term != rec.Term {
				w.t.Errorf("%+v, %v", stored, err)
			}
		}},
		"a tombstone wins, however low it ranks": {2, func(w *world, home string) {
			rec := w.held(home)
			if err := w.store.Open(token, home).Destroy(context.Background(), nil); err != nil {
				w.t.Fatal(err)
			}
			later := *rec
			later.Version, later.Term = rec.Version+9, rec.Term+9
			if _, err := w.write(home, &later, "x"); !errors.Is(err, replica.ErrNoSession) {
				w.t.Errorf("%v", err)
			}
		}},
		"no node answers: nobody knows": {2, func(w *world, home string) {
			rec := w.held(home)
			for _, s := range w.servers {
				s.Fail(off)
			}
			if _, err := w.write(home, rec, "x"); !errors.Is(err, replica.ErrUnavailable) {
				w.t.Errorf("%v", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.nodes, 0)
			home, _ := w.create()
			c.test(w, home)
		})
	}
}

// TestOutrank: an instance has stored the session apart, on a node that the client's id does not name. Its next write
// ranks above that, if others have written since on the node that the id names, and otherwise not.
func TestOutrank(t *testing.T) {
	apart := func(term uint64, past ...record.Rank) func(record.Rank) *record.Record {
		return func(record.Rank) *record.Record { return &record.Record{Term: term, Past: past} }
	}
	for name, c := range map[string]struct {
		apart func(there record.Rank) *record.Record
		want  uint64
	}{
		"nothing":                             {func(record.Rank) *record.Record { return nil }, 1},
		"the same term":                       {apart(1), 1},
		"a later term":                        {apart(4), 5},
		"a later term, after one of others":   {apart(4, record.Rank{Term: 3, Version: 9}), 5},
		"what was made from a later version":  {apart(4, record.Rank{Term: 1, Version: 2}), 1},
		"what was made from a rival":          {apart(4, record.Rank{Term: 1, Version: 1, LastWrite: 7}), 5},
		"what was made from it, directly":     {func(r record.Rank) *record.Record { return apart(4, r)(r) }, 1},
		"what was made from it, terms before": {func(r record.Rank) *record.Record { return apart(4, r, record.Rank{Term: 3})(r) }, 1},
		"what remembers terms after it only": {func(r record.Rank) *record.Record {
			past := make([]record.Rank, record.MaxPast)
			for i := range past {
				past[i].Term = r.Term + 1 + uint64(i)
			}
			return apart(100, past...)(r)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, _ := w.create()
			a := w.store.Open(token, home)
			a.Outrank(c.apart(w.stored(home).Rank()))
			rec, err := a.Write(context.Background(), func(*record.Record) error { return nil })
			if err != nil || rec.Term != c.want || len(rec.Copies) != 2 {
				t.Fatalf("%+v, %v; want term %d", rec, err, c.want)
			}
			for _, at := range rec.Copies {
				if there := w.stored(at.Node); there == nil || there.Term != c.want {
					t.Errorf("%s has %+v", at.Node, there)
				}
			}
		})
	}
}

// TestALogoutIsNeverOutdated: not even by what another instance stores elsewhere before it hears of the logout.
func TestALogoutIsNeverOutdated(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, backups := w.create()
	apart := *w.held(home)
	if err := w.store.Open(token, home).Destroy(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	third := w.store.Cluster.Ranking("")
	third = slices.DeleteFunc(third, func(n *node.Node) bool { return n.ID() == home || n.ID() == backups[0] })
	apart.Term, apart.Home = 4, third[0].ID()
	apart.Copies = []record.Copy{{Node: apart.Home, Epoch: third[0].Epoch()}}
	apart.EndTerm(w.stored(home).Rank())
	apart.AddWrite(7, time.Now())
	if err := w.servers[apart.Home].Memory().Add(context.Background(), key, memcache.Item{Value: apart.Append(nil)}, 0); err != nil {
		t.Fatal(err)
	}
	a := w.store.Open(token, home)
	a.Outrank(&apart)
	if rec, err := a.Write(context.Background(), func(*record.Record) error { return nil }); !errors.Is(err, replica.ErrNoSession) {
		t.Errorf("%+v, %v", rec, err)
	}
}

// TestWithoutBackupsASilentNodeIsWaitedFor: a session that only a silent node may have is not gone, and no older copy
// is believed in its place, until the node has been away for a minute.
func TestWithoutBackupsASilentNodeIsWaitedFor(t *testing.T) {
	for name, older := range map[string]bool{"no copy elsewhere": false, "an older copy elsewhere": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, 0)
				home, _ := w.create()
				if older { // the session has moved, and its first home is back with the old copy
					rec := w.held(home)
					w.servers[home].Fail(off)
					moved, err := w.write(home, rec, "x")
					if err != nil {
						t.Fatal(err)
					}
					w.servers[home].Fail(nil)
					w.probe()
					w.probe()
					home = moved.Home
				}
				w.servers[home].Fail(off)
				if rec, err := w.store.Open(token, home).Load(context.Background()); !errors.Is(err, replica.ErrUnavailable) {
					t.Errorf("at once: %+v, %v", rec, err)
				}
				time.Sleep(time.Minute)
				if rec, err := w.store.Open(token, home).Load(context.Background()); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("a minute later: %+v, %v", rec, err)
				}
			})
		})
	}
}
