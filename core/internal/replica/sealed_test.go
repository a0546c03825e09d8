package replica_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/seal"
	"github.com/gomsm/msm/core/internal/sid"
)

// sealing returns a policy with keys, which are numbered.
func sealing(t testing.TB, from, plainUntil time.Time, keys ...byte) *seal.Policy {
	t.Helper()
	var list [][]byte
	for _, k := range keys {
		list = append(list, bytes.Repeat([]byte{k}, 32))
	}
	ring, err := seal.NewRing(list)
	if err != nil {
		t.Fatal(err)
	}
	p := seal.NewPolicy(from, plainUntil)
	p.Use(ring)
	return p
}

// with returns the world's store with other keys, on the same nodes. What it logs is written to the log.
func (w *world) with(p *seal.Policy, log *bytes.Buffer) *replica.Store {
	config := w.store.Config
	config.Seals = p
	if log != nil {
		config.Log = journal.New(slog.New(slog.NewTextHandler(log, nil)))
		w.t.Cleanup(config.Log.Close)
	}
	return replica.New(config)
}

// TestASealedSession: a session is sealed on all its nodes, and its copies are repaired by whoever has the key or not.
func TestASealedSession(t *testing.T) {
	for name, without := range map[string]bool{"with the key": false, "by an instance without it": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			plain := w.store
			w.store = w.with(sealing(t, time.Time{}, time.Time{}, 1), nil)
			home, backups := w.create()
			w.wantLoaded(home, "1")
			if _, err := w.store.Open(token, home).Write(t.Context(), set("canary")); err != nil {
				t.Fatal(err)
			}
			for _, id := range append(backups, home) {
				if value := w.servers[id].Value(key); bytes.Contains(value, []byte("canary")) || len(value) == 0 {
					t.Errorf("%s has %q", id, value)
				}
			}
			w.servers[backups[0]].Restart(nil)
			w.probe()
			healer := w.store
			if without {
				healer = plain
			}
			if healed, err := healer.HealKey(t.Context(), key, home); !healed || err != nil {
				t.Fatal(healed, err)
			}
			w.servers[home].Fail(off)
			w.probe()
			w.wantLoaded(backups[0], "canary")
		})
	}
}

// TestACopyThatWasNotSealedHere: T-07. A copy that was sealed for another session, was changed, or is not sealed, is not
// believed. A good one beside it counts, and is written over it; without one there is no session. That is counted, and
// the log has one line that tells neither a value nor the token.
func TestACopyThatWasNotSealedHere(t *testing.T) {
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		forge   func(w *world, own []byte) []byte
		until   time.Time // unsealed sessions are accepted
		refused bool
	}{
		"another session's": {func(w *world, _ []byte) []byte {
			a := w.store.Open("mallory", "")
			if _, err := a.Create(context.Background(), session()); err != nil {
				w.t.Fatal(err)
			}
			return w.servers[a.Home()].Value(sid.Key("msm:", sid.Record, "mallory"))
		}, time.Time{}, true},
		"with a bit of the body changed": {func(_ *world, own []byte) []byte {
			own[len(own)-10] ^= 1
			return checksummed(own)
		}, time.Time{}, true},
		"cut off": {func(_ *world, own []byte) []byte { return checksummed(own[:len(own)-5]) }, time.Time{}, true},
		"not sealed": {func(*world, []byte) []byte {
			rec := session()
			rec.Term, rec.Version = 1000, 1000
			return rec.Append(nil)
		}, time.Time{}, true},
		"not sealed, while keys are introduced": {func(w *world, own []byte) []byte {
			rec, _ := record.Decode(own)
			plain := session()
			plain.Term, plain.Version, plain.Home, plain.Copies, plain.Writes = rec.Term, rec.Version, rec.Home, rec.Copies, rec.Writes
			return plain.Append(nil)
		}, later, false},
		"its own": {func(_ *world, own []byte) []byte { return own }, time.Time{}, false},
	} {
		for which, both := range map[string]bool{"one copy": false, "every copy": true} {
			t.Run(name+", "+which, func(t *testing.T) {
				w, log := newWorld(t, 2, 1), &bytes.Buffer{}
				w.store = w.with(sealing(t, time.Time{}, c.until, 1), log)
				home, backups := w.create()
				forged := c.forge(w, bytes.Clone(w.servers[home].Value(key)))
				w.overwrite(home, forged)
				if both {
					w.overwrite(backups[0], forged)
				}
				rec, err := w.store.Open(token, home).Load(t.Context())
				switch {
				case c.refused && both:
					if !errors.Is(err, replica.ErrDamaged) {
						t.Errorf("%+v, %v", rec, err)
					}
				case err != nil:
					t.Error(err)
				default:
					w.wantLoaded(home, "1")
					if c.refused && bytes.Equal(w.servers[home].Value(key), forged) {
						t.Error("what was refused is still there")
					}
				}
				lines := strings.Count(log.String(), "refused")
				if (w.store.Forged.Load() > 0) != c.refused || (lines == 1) != c.refused || strings.Contains(log.String(), token) {
					t.Errorf("%d counted; the log: %s", w.store.Forged.Load(), log)
				}
			})
		}
	}
}

// TestAKeyThatIsNotHere: F-31. A session that is sealed with a key that this instance does not have cannot be read, and is
// kept; but its copies are repaired, and it can be ended.
func TestAKeyThatIsNotHere(t *testing.T) {
	w := newWorld(t, 2, 1)
	owner := w.with(sealing(t, time.Time{}, time.Time{}, 1), nil)
	other := w.with(sealing(t, time.Time{}, time.Time{}, 2), nil)
	w.store = owner
	home, backups := w.create()
	for name, s := range map[string]*replica.Store{"with another key": other, "without keys": w.with(nil, nil)} {
		if _, err := s.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrNoKey) || !errors.Is(err, replica.ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Open(token, home).Write(t.Context(), set("2")); !errors.Is(err, replica.ErrNoKey) {
			t.Errorf("%s: %v", name, err)
		}
		if s.Forged.Load() != 0 {
			t.Errorf("%s: it counts as forged", name)
		}
	}
	w.wantLoaded(home, "1")
	w.servers[backups[0]].Restart(nil)
	w.probe()
	if _, err := other.Open(token, home).Write(t.Context(), nil); err != nil {
		t.Error(err)
	}
	w.wantLoaded(backups[0], "1")
	if err := other.Open(token, home).Destroy(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if dead := w.stored(home); !dead.Tombstone {
		t.Errorf("%+v", dead)
	}
	if _, err := owner.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
		t.Error(err)
	}
}

// TestASealedSessionEndsByAMessage: who hears that a session is to end does not know its token.
func TestASealedSessionEndsByAMessage(t *testing.T) {
	w := newWorld(t, 2, 1)
	w.store = w.with(sealing(t, time.Time{}, time.Time{}, 1), nil)
	home, _ := w.create()
	if err := w.store.Receive(t.Context(), mailbox.Message{Kind: mailbox.End, Session: sid.HashOf(token)}, home); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, replica.ErrNoSession) {
		t.Error(err)
	}
}

// TestATombstoneOutlivesASealedSession: W20. Who ends a session without its key knows how long its copies live.
func TestATombstoneOutlivesASealedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 1)
		w.store = w.with(sealing(t, time.Time{}, time.Time{}, 1), nil)
		long := session()
		long.IdleTimeout = 100 * time.Hour
		a := w.store.Open(token, "")
		if _, err := a.Create(t.Context(), long); err != nil {
			t.Fatal(err)
		}
		if err := w.store.Receive(t.Context(), mailbox.Message{Kind: mailbox.End, Session: sid.HashOf(token)}, a.Home()); err != nil {
			t.Fatal(err)
		}
		if dead := w.stored(a.Home()); dead.TTL(time.Now()) < 105*time.Hour {
			t.Errorf("the tombstone ends in %v", dead.TTL(time.Now()))
		}
	})
}

// TestKeysAreIntroduced: before SealedFrom nothing is sealed, and what others have sealed already is read; then what is not
// sealed is read until its time is over, and is sealed by the next write.
func TestKeysAreIntroduced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 1)
		from := time.Now().Add(10 * time.Minute)
		early := w.with(sealing(t, time.Time{}, time.Time{}, 1), nil)
		w.store = w.with(sealing(t, from, from.Add(10*time.Minute), 1), nil)
		home, _ := w.create()
		isSealed := func() bool {
			_, err := record.Decode(w.servers[home].Value(key))
			return errors.Is(err, record.ErrSealed)
		}
		if w.wantLoaded(home, "1"); isSealed() {
			t.Error("it is sealed too early")
		}
		if _, err := early.Open("early", "").Create(t.Context(), session()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.store.Open("early", home).Load(t.Context()); err != nil {
			t.Errorf("what another instance has sealed: %v", err)
		}
		time.Sleep(11 * time.Minute)
		w.wantLoaded(home, "1")
		if _, err := w.store.Open(token, home).Write(t.Context(), set("2")); err != nil || !isSealed() {
			t.Errorf("%v; sealed: %v", err, isSealed())
		}
		plain := session()
		plain.Home, plain.Copies = home, w.closed(home).Copies
		w.overwrite(home, plain.Append(nil))
		time.Sleep(10 * time.Minute)
		if _, err := w.store.Open(token, home).Load(t.Context()); err != nil || !isSealed() {
			t.Errorf("the good copy: %v; sealed: %v", err, isSealed())
		}
	})
}

// closed returns what a server has of a sealed session, for who does not have its key.
func (w *world) closed(id string) *record.Record {
	rec, err := record.Decode(w.servers[id].Value(key))
	if !errors.Is(err, record.ErrSealed) {
		w.t.Fatal(err)
	}
	return rec
}

// TestASealedSessionAtItsLimit: the limit is for what is stored, with the seal.
func TestASealedSessionAtItsLimit(t *testing.T) {
	w := newWorld(t, 2, 1)
	w.store = w.with(sealing(t, time.Time{}, time.Time{}, 1), nil)
	home, _ := w.create()
	least, most := 0, w.store.MaxSize
	for least+1 < most {
		size := (least + most) / 2
		if _, err := w.store.Open(token, home).Write(t.Context(), set(strings.Repeat("x", size))); errors.Is(err, replica.ErrTooLarge) {
			most = size
		} else if err != nil {
			t.Fatal(err)
		} else {
			least = size
		}
	}
	const stamps = 200 // bytes, that each of these writes has added to
	if _, err := w.store.Open(token, home).Write(t.Context(), set(strings.Repeat("x", least-stamps))); err != nil {
		t.Fatal(err)
	}
	stored := len(w.servers[home].Value(key))
	rec, err := w.store.Open(token, home).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if stored > w.store.MaxSize || stored < w.store.MaxSize-2*stamps || w.store.Size(rec) != stored {
		t.Errorf("%d bytes are stored, %d said, %d allowed", stored, w.store.Size(rec), w.store.MaxSize)
	}
}
