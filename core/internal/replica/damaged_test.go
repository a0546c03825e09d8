package replica_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestWhatIsReadDamagedIsNotWrittenOver: a backup has a write that its writer is about to put on the home, too, so that
// it is acknowledged. An instance that reads it damaged must not take the backup for empty.
func TestWhatIsReadDamagedIsNotWrittenOver(t *testing.T) {
	for name, thorough := range map[string]bool{"by who looks at the backup when he writes": false, "by who looks at all nodes": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			other := w.stored(home)
			other.Version++
			other.AddWrite(11, other.LastAccess)
			a := w.store.Open(token, home)
			if thorough {
				a = w.store.Open(token, "n9")
			}
			w.overwrite(backups[0], other.Append(nil))
			w.servers[backups[0]].Fail(nodetest.Only(nodetest.Reads("msm:s:"), nodetest.Damage(1)))
			rec, err := a.Write(context.Background(), set("2"))
			if err != nil {
				t.Fatal(err)
			}
			if !rec.HasWrite(11) {
				t.Errorf("what has been written descends from %v, and not from what the backup had", rec.Writes)
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
		if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrDamaged) || !errors.Is(err, replica.ErrNoSession) {
			t.Error(err)
		}
		w.without(backups[0], func() {
			if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrUnavailable) {
				t.Errorf("%v: the node that is silent may have a good copy", err)
			}
		})
		if n := w.store.Damaged.Load(); n != 1 {
			t.Errorf("%d counted", n)
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
		"Load":  func(a *replica.Access) error { _, err := a.Load(t.Context()); return err },
		"Write": func(a *replica.Access) error { _, err := a.Write(t.Context(), set("2")); return err },
		"Heal":  func(a *replica.Access) error { return a.Heal(t.Context()) },
	} {
		if err := do(w.store.Open(token, home)); !errors.Is(err, replica.ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if value := w.servers[home].Value(key); !bytes.Equal(value, newer) {
		t.Errorf("it was not kept: %q", value)
	}
}

// TestAnUnknownFormatCanBeEnded: F-29. A logout also ends what a newer program wrote, whichever copies that are and
// however high they rank, and for that program, too.
func TestAnUnknownFormatCanBeEnded(t *testing.T) {
	for name, newer := range map[string]func(home, backup, third string) []string{
		"every copy":                 func(home, backup, _ string) []string { return []string{backup, home} },
		"the home's":                 func(home, _, _ string) []string { return []string{home} },
		"the other":                  func(_, backup, _ string) []string { return []string{backup} },
		"two, to which it has moved": func(_, backup, third string) []string { return []string{third, backup} },
	} {
		for away, silent := range map[string]bool{"": false, ", of which one is silent": true} {
			t.Run(name+away, func(t *testing.T) {
				w := newWorld(t, 3, 1)
				home, backups := w.create()
				theirs := w.stored(home)
				theirs.Term, theirs.Version = 1000, 1000
				third := "n1"
				for id := range w.servers {
					if id != home && id != backups[0] {
						third = id
					}
				}
				list := newer(home, backups[0], third)
				theirs.EndTerm(w.stored(home).Rank())
				theirs.Home, theirs.Copies = list[len(list)-1], nil
				for _, id := range list {
					theirs.Copies = append(theirs.Copies, record.Copy{Node: id, Epoch: w.nodes[id].Epoch()})
				}
				for _, id := range list {
					w.servers[id].Evict(key)
					if err := w.servers[id].Memory().Add(t.Context(), key, memcache.Item{Value: ofFormat(theirs, record.FormatVersion+1)}, 0); err != nil {
						t.Fatal(err)
					}
				}
				destroy := func() {
					if err := w.store.Open(token, home).Destroy(t.Context(), nil); err != nil {
						t.Error(err)
					}
				}
				if silent && len(list) > 1 {
					w.without(list[1], destroy)
					w.probe()
				} else {
					destroy()
				}
				for _, id := range list { // the newer program reads its own format, and this one
					if value := w.servers[id].Value(key); value != nil && value[0] != record.FormatVersion {
						value[0] = record.FormatVersion
						w.overwrite(id, checksummed(value))
					}
				}
				for id := range w.servers {
					if _, err := w.store.Open(token, id).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
						t.Errorf("by %s: %v", id, err)
					}
				}
			})
		}
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

// TestAStaleCopyThatIsReadDamaged: G1, G6. Nobody knows what a copy is that is read damaged, so the node goes on being
// owed the newer record. If the copy is damaged where it lies, it is replaced.
func TestAStaleCopyThatIsReadDamaged(t *testing.T) {
	for name, onItsWay := range map[string]bool{"on its way": true, "where it lies": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, _ := w.create()
			w.without(home, func() {
				if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil {
					t.Fatal(err)
				}
			})
			if onItsWay {
				w.servers[home].Fail(nodetest.Only(nodetest.Reads("msm:s:"), nodetest.Damage(1<<20)))
			} else {
				w.overwrite(home, []byte("damaged"))
			}
			err := w.store.Deliver(t.Context(), w.nodes[home], key)
			if owed := w.store.CountOwed(w.nodes[home]); (err != nil) != onItsWay || owed == 1 != onItsWay {
				t.Errorf("%v, %d sessions are owed", err, owed)
			}
			w.servers[home].Fail(nil)
			w.deliver(home)
			rec, err := w.another([]string{"n1", "n2", "n3"}).Open(token, home).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := rec.Get("n"); string(n) != "2" {
				t.Errorf("by the old cookie: %s", n)
			}
		})
	}
}
