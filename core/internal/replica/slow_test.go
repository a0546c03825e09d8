package replica_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestASlowRequestBringsNoLogoutBack: G6. A handler that has read the session before a logout writes long after the
// logout, when even the tombstone may have ended. The session stays gone.
func TestASlowRequestBringsNoLogoutBack(t *testing.T) {
	for _, takes := range []time.Duration{50 * time.Second, 66 * time.Second, 29 * time.Minute, 33 * time.Minute, time.Hour} {
		for _, evicted := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 3, 1)
				home, backups := w.create()
				slow := w.store.Open(token, home)
				if _, err := slow.Load(context.Background()); err != nil {
					t.Fatal(err)
				}
				if err := w.store.Open(token, home).Destroy(context.Background(), nil); err != nil {
					t.Fatal(err)
				}
				time.Sleep(takes)
				if evicted { // as if the tombstone had ended
					w.servers[home].Evict(key)
					w.servers[backups[0]].Evict(key)
				}
				if _, err := slow.Write(context.Background(), set("slow")); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("after %v, evicted %v: the write ends with %v", takes, evicted, err)
				}
				if rec, err := w.store.Open(token, home).Load(context.Background()); !errors.Is(err, replica.ErrNoSession) {
					t.Errorf("after %v, evicted %v: it is back: %+v, %v", takes, evicted, rec, err)
				}
			})
		}
	}
}

// TestAWriteOfWhoStoodStill: an instance halts in the midst of a write that was done. It learns what has become of the
// write too late, or after so many other writes that the record has forgotten it. The write is not made twice.
func TestAWriteOfWhoStoodStill(t *testing.T) {
	for _, c := range []struct {
		halt   time.Duration
		others int
		known  bool
	}{
		{100 * time.Millisecond, 28, true},
		{100 * time.Millisecond, record.MaxStamps - 1, true},
		{100 * time.Millisecond, record.MaxStamps, false},
		{100 * time.Millisecond, 3 * record.MaxStamps, false},
		{29 * time.Second, 28, true},
		{31 * time.Second, 28, true},
		{65 * time.Second, 28, false},
		{20 * time.Minute, 28, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, _ := w.create()
			w.servers[home].Fail(nodetest.Only(nodetest.Of(nodetest.CompareAndSwap), func(_ context.Context, _ nodetest.Op, do func() error) error {
				w.servers[home].Fail(nil)
				err := do()
				time.Sleep(c.halt)
				return errors.Join(err, nodetest.ErrLost)
			}))
			halted := make(chan error)
			go func() {
				_, err := w.store.Open(token, home).Write(context.Background(), plusOne)
				halted <- err
			}()
			synctest.Wait()
			want := 2
			for pause := c.halt / time.Duration(c.others+1); want < 2+c.others; want++ { // meanwhile others go on
				time.Sleep(pause)
				if _, err := w.store.Open(token, home).Write(context.Background(), plusOne); err != nil {
					t.Fatal(err)
				}
			}
			err := <-halted
			if c.known != (err == nil) || !c.known && !errors.Is(err, replica.ErrConflict) {
				t.Errorf("halted for %v among %d others: %v", c.halt, c.others, err)
			}
			var n []byte
			for id := range w.servers {
				if rec, err := w.store.Open(token, id).Load(context.Background()); err == nil {
					n, _ = rec.Get("n")
				}
			}
			if string(n) != strconv.Itoa(want) {
				t.Errorf("halted for %v: n = %s after %d additions", c.halt, n, want-1)
			}
		})
	}
}

// TestALogoutOfWhoStoodStill: a logout is made however long its instance stood still, because it does not matter if a
// session is ended twice.
func TestALogoutOfWhoStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1)
		home, backups := w.create()
		backup := w.servers[backups[0]]
		backup.Fail(nodetest.Once(nodetest.Of(nodetest.CompareAndSwap), func() {
			backup.Fail(nil)
			time.Sleep(65 * time.Second)
		}))
		halted := make(chan error)
		go func() { halted <- w.store.Open(token, home).Destroy(context.Background(), nil) }()
		synctest.Wait()
		if _, err := w.store.Open(token, home).Write(context.Background(), plusOne); err != nil {
			t.Fatal(err)
		}
		if err := <-halted; err != nil {
			t.Errorf("the logout: %v", err)
		}
		for id := range w.servers {
			if rec, err := w.store.Open(token, id).Load(context.Background()); !errors.Is(err, replica.ErrNoSession) {
				t.Errorf("by %s: %+v, %v", id, rec, err)
			}
		}
	})
}

// TestALogoutSeesWhatItHasEnded: when the session is destroyed, the backup has an attempt of another writer. The first
// tombstone is stored there, but its answer is lost. The next attempt of the logout does without the backup, and goes
// on from the home, but someone else finishes the first one. The logout sees the values that have ended by that.
func TestALogoutSeesWhatItHasEnded(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, 3, 1)
	id, backups := w.create()
	home, backup, other := w.servers[id], w.servers[backups[0]], w.another([]string{"n1", "n2", "n3"})
	attempt := *w.stored(id)
	if err := set("2")(&attempt); err != nil {
		t.Fatal(err)
	}
	attempt.AddWrite(11, attempt.LastAccess)
	attempt.Version++
	w.plant(backup.ID(), &attempt)
	backup.Fail(nodetest.Only(nodetest.Writes(key), nodetest.Mute(1)))
	home.Fail(nodetest.Once(nodetest.Writes(key), func() {
		home.Fail(nil)
		backup.Fail(nil)
		if _, err := other.Open(token, backup.ID()).Load(ctx); !errors.Is(err, replica.ErrNoSession) {
			t.Errorf("another reader: %v", err)
		}
	}))
	var seen []string
	err := w.store.Open(token, id).Destroy(ctx, func(last *record.Record) error {
		n, _ := last.Get("n")
		seen = append(seen, string(n))
		return nil
	})
	if err != nil || len(seen) == 0 || seen[len(seen)-1] != "2" {
		t.Errorf("%v, the values were %v", err, seen)
	}
}

// TestATokenOfAnotherLife: G1. A handler has read the session. Then its home loses everything and counts tokens anew,
// while others go on there. When the handler writes, without the backup, which is away by then, the home has something
// that was acknowledged meanwhile, and that has the same token as what the handler has read.
func TestATokenOfAnotherLife(t *testing.T) {
	for name, looks := range map[string]bool{"its instance has looked since": true, "its instance does not know yet": false} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			slow := w.store.Open(token, home)
			if _, err := slow.Load(ctx); err != nil {
				t.Fatal(err)
			}
			read := w.tokenOn(home)
			w.servers[home].Restart(nil)
			others := w.another([]string{"n1", "n2", "n3"})
			want := 2
			for ; w.tokenOn(home) != read; want++ {
				if _, err := others.Open(token, home).Write(ctx, plusOne); err != nil {
					t.Fatal(err)
				}
				if w.tokenOn(home) > read {
					t.Fatalf("the home is at token %d, and was to come to %d", w.tokenOn(home), read)
				}
			}
			w.servers[backups[0]].Fail(off)
			_ = w.nodes[backups[0]].Probe(ctx)
			if looks {
				_ = w.nodes[home].Probe(ctx)
			}
			stored, err := slow.Write(ctx, plusOne)
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := stored.Get("n"); string(n) != strconv.Itoa(want) {
				t.Errorf("n = %s after %d additions to 1", n, want-1)
			}
		})
	}
}

// plusOne is a change that adds one to the attribute n.
func plusOne(rec *record.Record) error {
	value, _ := rec.Get("n")
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return err
	}
	return set(strconv.Itoa(n + 1))(rec)
}

// TestAWriterThatWasKilled: a writer is killed between the two writes of a change. No reader at the home sees its
// attempt. A change that accepts only what was read there goes on from that, and the attempt comes to nothing. A change
// that accepts neither settles the attempt, or all later ones would be refused as well.
func TestAWriterThatWasKilled(t *testing.T) {
	changed := errors.New("changed by someone else")
	for name, c := range map[string]struct {
		accepts func(call int, value string) bool // whether the change accepts a record of that value
		want    error
		after   string // what all nodes have afterwards
	}{
		"who takes only what he has seen goes on from that": {func(_ int, value string) bool { return value == "1" }, nil, "1, next"},
		"who takes anything goes on from the attempt":       {func(int, string) bool { return true }, nil, "killed, next"},
		"who takes neither is refused":                      {func(call int, _ string) bool { return call == 1 }, changed, "killed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 3, 1)
			home, backups := w.create()
			dead, kill := context.WithCancel(context.Background())
			w.servers[home].Fail(nodetest.Only(nodetest.Of(nodetest.CompareAndSwap), func(context.Context, nodetest.Op, func() error) error {
				kill()
				return dead.Err()
			}))
			if _, err := w.store.Open(token, home).Write(dead, set("killed")); err == nil {
				t.Fatal("it was not killed")
			}
			w.servers[home].Fail(nil)
			if w.stored(backups[0]).Version == w.stored(home).Version {
				t.Fatal("the backup has nothing newer")
			}
			call := 0
			_, err := w.store.Open(token, home).Write(context.Background(), func(rec *record.Record) error {
				value, _ := rec.Get("n")
				if call++; !c.accepts(call, string(value)) {
					return changed
				}
				return set(string(value) + ", next")(rec)
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			for _, id := range []string{home, backups[0]} {
				if value, _ := w.stored(id).Get("n"); string(value) != c.after {
					t.Errorf("%s has %q, want %q", id, value, c.after)
				}
			}
		})
	}
}
