package replica_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

const token = "token"

var key = sid.Key("msm:", sid.Record, token)

// world is some nodes in memory and a store on them.
type world struct {
	t       testing.TB
	servers map[string]*nodetest.Server
	nodes   map[string]*node.Node
	store   *replica.Store
}

// off is the fault of a server that nobody reaches.
var off = nodetest.Refuse(nodetest.ErrOff)

// newWorld returns a world with the nodes n1, n2 and so on, which have been probed.
func newWorld(t testing.TB, nodes, backups int) *world {
	w := &world{t: t, servers: map[string]*nodetest.Server{}, nodes: map[string]*node.Node{}}
	var members []cluster.Member
	for _, s := range nodetest.Several(nodes) {
		n := s.Node(s.Client(""), node.Options{EpochKey: "epoch"})
		w.servers[s.ID()], w.nodes[s.ID()] = s, n
		members = append(members, cluster.Member{Node: n})
	}
	w.store = replica.New(replica.Config{Cluster: cluster.New(members), Backups: backups, KeyPrefix: "msm:", MaxSize: 10_000, IdleTime: 30 * time.Minute})
	w.probe()
	return w
}

// probe probes all nodes.
func (w *world) probe() {
	for _, n := range w.nodes {
		_ = n.Probe(context.Background())
	}
}

// session returns the first record of a session with the attribute n = 1.
func session() *record.Record {
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: 30 * time.Minute, Transcoder: "text"}
	rec.Set("n", []byte("1"))
	return rec
}

// create stores such a session, and returns its home and its backups.
func (w *world) create() (home string, backups []string) {
	w.t.Helper()
	stored, err := w.store.Open(token, "").Create(context.Background(), session())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range stored.Copies[1:] {
		backups = append(backups, c.Node)
	}
	return stored.Home, backups
}

// stored returns the record that a server has; nil: it has none.
func (w *world) stored(id string) *record.Record {
	value := w.servers[id].Value(key)
	if value == nil {
		return nil
	}
	rec, err := record.Decode(value)
	if err != nil {
		w.t.Fatalf("%s has %v", id, err)
	}
	return rec
}

// tokenOn returns the compare-and-swap token of what a server has; 0: it has nothing.
func (w *world) tokenOn(id string) uint64 {
	item, err := w.servers[id].Memory().Get(context.Background(), key)
	if err != nil {
		return 0
	}
	return item.Token
}

// overwrite replaces what a server has, which no node notices.
func (w *world) overwrite(id string, value []byte) {
	w.t.Helper()
	m := w.servers[id].Memory()
	item, err := m.Get(context.Background(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := m.CompareAndSwap(context.Background(), key, memcache.Item{Value: value, Token: item.Token}, 0); err != nil {
		w.t.Fatal(err)
	}
}

// ofFormat returns a record as a program with another format would write it.
func ofFormat(rec *record.Record, format byte) []byte {
	value := rec.Append(nil)
	value[0] = format
	content := value[: len(value)-checksum.Size : len(value)-checksum.Size]
	return checksum.Append(content)
}

// set returns a change that sets the attribute n.
func set(value string) replica.Change {
	return func(rec *record.Record) error {
		next := rec.Draft()
		next.Set("n", []byte(value))
		rec.Attributes = next.Attributes
		return nil
	}
}

func TestEveryCopyHasTheSameBytes(t *testing.T) {
	for _, backups := range []int{0, 1, 2} {
		t.Run(fmt.Sprint(backups, " backups"), func(t *testing.T) {
			w := newWorld(t, 4, backups)
			home, others := w.create()
			if len(others) != backups {
				t.Fatalf("backups on %v", others)
			}
			if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
				t.Fatal(err)
			}
			want := string(w.stored(home).Append(nil))
			for _, id := range others {
				if string(w.stored(id).Append(nil)) != want {
					t.Errorf("%s differs", id)
				}
			}
		})
	}
}

// TestADamagedCopyIsReplacedByAGoodOne: F-08. It does not matter which byte was changed; also the first one, which
// tells the format.
func TestADamagedCopyIsReplacedByAGoodOne(t *testing.T) {
	for _, damaged := range []string{"home", "backup"} {
		t.Run(damaged, func(t *testing.T) {
			for at, more := 0, true; more; at++ {
				w := newWorld(t, 2, 1)
				home, backups := w.create()
				id := map[string]string{"home": home, "backup": backups[0]}[damaged]
				value := w.stored(id).Append(nil)
				value[at] ^= 3
				w.overwrite(id, value)
				access := w.store.Open(token, home)
				rec, err := access.Write(t.Context(), set("2"))
				if err != nil || access.Moved() {
					t.Fatalf("byte %d: %v, moved %v", at, err, access.Moved())
				}
				if value, _ := rec.Get("n"); string(value) != "2" || w.stored(id) == nil {
					t.Errorf("byte %d: %s", at, value)
				}
				more = at < len(value)-1
			}
		})
	}
	t.Run("both", func(t *testing.T) {
		w := newWorld(t, 2, 1)
		home, backups := w.create()
		for _, id := range append(backups, home) {
			w.overwrite(id, []byte{record.FormatVersion, 1, 2})
		}
		if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrUnreadable) {
			t.Errorf("%v: what cannot be read is not gone", err)
		}
	})
}

// TestAnUnknownFormatIsKept: F-29, T-25. What a newer program wrote is neither read nor overwritten.
func TestAnUnknownFormatIsKept(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	newer := ofFormat(w.stored(home), record.FormatVersion+1)
	for _, id := range append(backups, home) {
		w.overwrite(id, newer)
	}
	for name, do := range map[string]func(*replica.Access) error{
		"Load":    func(a *replica.Access) error { _, err := a.Load(t.Context()); return err },
		"Write":   func(a *replica.Access) error { _, err := a.Write(t.Context(), set("2")); return err },
		"Destroy": func(a *replica.Access) error { return a.Destroy(t.Context(), nil) },
		"Heal":    func(a *replica.Access) error { return a.Heal(t.Context()) },
	} {
		if err := do(w.store.Open(token, home)); !errors.Is(err, replica.ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if value := w.servers[home].Value(key); !bytes.Equal(value, newer) {
		t.Errorf("it was not kept: %q", value)
	}
}

// TestSilentNodes: G8, G11. It checks when a miss means that there is no session, and when nobody can tell, however
// long that lasts.
func TestSilentNodes(t *testing.T) {
	for name, c := range map[string]struct {
		nodes int
		off   []string
		by    string // the node that the id names
		want  error
	}{
		"all answer":               {3, nil, "n1", replica.ErrNoSession},
		"the home is silent":       {3, []string{"n1"}, "n1", replica.ErrNoSession},
		"another node is silent":   {3, []string{"n2"}, "n1", replica.ErrNoSession},
		"the home and another one": {3, []string{"n1", "n2"}, "n1", replica.ErrUnavailable},
		"the home of two":          {2, []string{"n1"}, "n1", replica.ErrNoSession},
		"the other one of two":     {2, []string{"n2"}, "n1", replica.ErrNoSession},
		"both of two":              {2, []string{"n1", "n2"}, "n1", replica.ErrUnavailable},
		"the only one":             {1, []string{"n1"}, "n1", replica.ErrUnavailable},
		"one of two, by an id that names another node": {2, []string{"n1"}, "n3", replica.ErrNoSession},
		"one of two, by an id that names none":         {2, []string{"n1"}, "", replica.ErrNoSession},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.nodes, 1)
				for _, id := range c.off {
					w.servers[id].Fail(off)
				}
				for round := range 3 { // the first round meets the failures, the others know of them
					if _, err := w.store.Open(token, c.by).Load(t.Context()); !errors.Is(err, c.want) {
						t.Errorf("round %d: %v", round, err)
					}
					time.Sleep(time.Duration(round) * time.Minute)
				}
			})
		})
	}
}

// TestAStaleCopyIsNotBelievedWithTwoNodesSilent: a node was worked around, and has a stale copy. The nodes with the
// newer copies are both silent. The stale copy is not believed.
func TestAStaleCopyIsNotBelievedWithTwoNodesSilent(t *testing.T) {
	w := newWorld(t, 3, 1)
	home, _ := w.create()
	w.servers[home].Fail(off)
	access := w.store.Open(token, home)
	if _, err := access.Write(t.Context(), set("2")); err != nil || access.Home() == home {
		t.Fatalf("%v, home %s", err, access.Home())
	}
	w.servers[home].Fail(nil)
	w.probe()
	for id, s := range w.servers {
		if id != home {
			s.Fail(off)
		}
	}
	for _, cookie := range []string{home, access.Home()} {
		if rec, err := w.store.Open(token, cookie).Load(t.Context()); !errors.Is(err, replica.ErrUnavailable) {
			t.Errorf("by %s: %v, %v", cookie, rec, err)
		}
	}
	for _, s := range w.servers {
		s.Fail(nil)
	}
	w.probe()
	for id := range w.servers {
		rec, err := w.store.Open(token, id).Load(t.Context())
		if err != nil {
			t.Fatalf("by %s: %v", id, err)
		}
		if value, _ := rec.Get("n"); string(value) != "2" {
			t.Errorf("by %s: n is %s", id, value)
		}
	}
}

// TestAChangeOfPlacesIsAClaim: a write to other nodes than before has a new term, and goes to the home first, so that
// it outranks nothing when it gets only half way.
func TestAChangeOfPlacesIsAClaim(t *testing.T) {
	for name, failing := range map[string]func(home, backup string) string{
		"a backup is replaced": func(_, backup string) string { return backup },
		"the home is replaced": func(home, _ string) string { return home },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			failed := failing(home, backups[0])
			w.servers[failed].Fail(off)
			access := w.store.Open(token, home)
			rec, err := access.Write(t.Context(), set("2"))
			if err != nil || rec.Term != 2 || !rec.Unsettled || !access.NeedsHeal() {
				t.Fatalf("%v, %+v", err, rec)
			}
			if _, named := rec.Copy(failed); named || access.Moved() != (failed == home) {
				t.Errorf("copies %v, moved %v", rec.Copies, access.Moved())
			}
			if err := w.store.Open(token, access.Home()).Heal(t.Context()); err != nil {
				t.Error(err)
			}
			if rec := w.stored(access.Home()); rec.Unsettled || rec.Term != 2 {
				t.Errorf("not settled: %+v", rec)
			}
		})
	}
}

// TestTombstonesOutliveStaleCopies: a session that has moved may have left a copy on a node that was worked around, and
// that copy must not outlive the tombstone. In the end no node keeps anything.
func TestTombstonesOutliveStaleCopies(t *testing.T) {
	for name, moved := range map[string]bool{"never moved": false, "moved away from a node that hung": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3, 1)
				home, _ := w.create()
				access := w.store.Open(token, home)
				if moved {
					w.servers[home].Fail(off)
					if _, err := access.Write(t.Context(), set("2")); err != nil {
						t.Fatal(err)
					}
					w.servers[home].Fail(nil)
					w.probe()
				}
				if err := w.store.Open(token, access.Home()).Destroy(t.Context(), nil); err != nil {
					t.Fatal(err)
				}
				for minute := range 60 {
					for _, id := range []string{home, access.Home()} {
						if _, err := w.store.Open(token, id).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
							t.Fatalf("after %d minutes, by %s: %v", minute, id, err)
						}
					}
					time.Sleep(time.Minute)
				}
				for id := range w.servers {
					if w.stored(id) != nil {
						t.Errorf("%s still has something", id)
					}
				}
			})
		})
	}
}

// FuzzStoredValue: whatever a node holds, a load returns a record, ErrUnreadable or ErrNoSession, and nothing panics.
func FuzzStoredValue(f *testing.F) {
	rec := &record.Record{Term: 1, Version: 1, Home: "n1", Copies: []record.Copy{{Node: "n1", Epoch: 1}}, LastAccess: time.Now(), IdleTimeout: time.Hour}
	rec.AddWrite(1, time.Now())
	f.Add(rec.Append(nil), true)
	f.Add(rec.Append(nil)[:20], true)
	f.Add([]byte{}, false)
	f.Add(ofFormat(rec, record.FormatVersion+1), true)
	f.Fuzz(func(t *testing.T, value []byte, both bool) {
		w := newWorld(t, 2, 1)
		home, backups := w.create()
		w.overwrite(home, value)
		if both {
			w.overwrite(backups[0], value)
		}
		access := w.store.Open(token, home)
		if _, err := access.Load(t.Context()); err != nil && !errors.Is(err, replica.ErrUnreadable) && !errors.Is(err, replica.ErrNoSession) {
			t.Errorf("load: %v", err)
		}
		_, _ = access.Write(t.Context(), set("2"))
		_ = w.store.Open(token, home).Destroy(t.Context(), nil)
	})
}

// TestAnAbsenceIsConfirmed: a repair writes the record to the home just after the home was asked, and the other copy is
// lost just before its node is asked. The home is asked once more before the session counts as gone.
func TestAnAbsenceIsConfirmed(t *testing.T) {
	w := newWorld(t, 2, 1)
	home, backups := w.create()
	had := w.servers[home].Memory().Clone()
	w.servers[home].Evict(key) // the copy is lost, and nobody has noticed yet
	other := w.servers[backups[0]]
	other.Fail(nodetest.Once(nodetest.Of(nodetest.Get), func() {
		w.servers[home].Restart(had)
		other.Restart(nil)
	}))
	if _, err := w.store.Open(token, home).Load(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
}

// TestAHomeThatFailsWhileAnAbsenceIsConfirmed: if the session is gone, the failure of one node makes no error of that.
// A session that was brought back meanwhile is found on the other node that has it.
func TestAHomeThatFailsWhileAnAbsenceIsConfirmed(t *testing.T) {
	for name, want := range map[string]error{"it is gone": replica.ErrNoSession, "it was brought back": nil} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			item, err := w.servers[home].Memory().Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range w.servers {
				s.Evict(key)
			}
			asked := 0
			w.servers[home].Fail(func(_ context.Context, _ nodetest.Op, do func() error) error {
				if asked++; asked == 1 {
					return do()
				}
				if want == nil {
					_ = w.servers[backups[0]].Memory().Add(t.Context(), key, item, 0)
				}
				return nodetest.ErrLost
			})
			if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, want) {
				t.Errorf("%v; want %v", err, want)
			}
		})
	}
}
