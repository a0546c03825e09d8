package local_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

func TestWriteBehind(t *testing.T) {
	for name, c := range map[string]struct {
		backups int
		test    func(w *world, a *instance)
	}{
		"a new session is stored within 100 ms, and not before": {0, func(w *world, a *instance) {
			s := a.begin("t")
			if n := w.count(writes); n != 0 {
				w.t.Error("the request waited for a node")
			}
			time.Sleep(100 * time.Millisecond)
			if got := w.holds("t"); len(got) != 1 || got[0] != nodeOf(s) {
				w.t.Errorf("on %v; the id names %s", got, nodeOf(s))
			}
		}},
		"a read costs no round trip": {0, func(w *world, a *instance) {
			a.begin("t")
			settle()
			before, stored := w.count(reads), w.count(writes)
			for range 100 {
				if s := a.Get("t"); value(s, "n") != "1" {
					w.t.Error("lost")
				}
			}
			if r, n := w.count(reads), w.count(writes); r != before || n != stored {
				w.t.Errorf("%d reads and %d writes", r-before, n-stored)
			}
		}},
		"many changes within 70 ms are one write, of the newest state": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			before := w.count(writes)
			for range 100 {
				a.must(change(s, plus("n", 1)))
			}
			time.Sleep(100 * time.Millisecond)
			if n := w.count(writes); n-before != 1 {
				w.t.Errorf("%d writes", n-before)
			}
			w.wantStored("t", nodeOf(s), "n", "101")
		}},
		"a change during a write is written after it": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(nodetest.Slow(100 * time.Millisecond))
			a.must(change(s, plus("n", 1)))
			time.Sleep(80 * time.Millisecond) // the write is at the node, for 190 ms more; the next one is due in 70
			a.must(change(s, plus("n", 1)))
			settle()
			w.all(nil)
			w.wantStored("t", nodeOf(s), "n", "3")
		}},
		"a change that changes nothing is not written": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			before := w.count(writes)
			a.must(change(s, put("n", "1")))
			settle()
			if n := w.count(writes); n != before {
				w.t.Errorf("%d writes", n-before)
			}
		}},
		"with a backup both nodes get it": {1, func(w *world, a *instance) {
			a.begin("t")
			settle()
			if got := w.holds("t"); len(got) != 2 {
				w.t.Errorf("on %v", got)
			}
		}},
		"a use is stored after a twentieth of the idle timeout, and not with every read": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			before := w.count(writes)
			for range 20 { // 3 of them are due
				time.Sleep(idle / 20 / 5)
				a.Get("t")
			}
			settle()
			if n := w.count(writes); n-before < 2 || n-before > 4 {
				w.t.Errorf("%d writes", n-before)
			}
			if rec := w.stored(nodeOf(s), "t"); time.Since(rec.LastAccess) > idle/20 {
				w.t.Errorf("last access %v ago", time.Since(rec.LastAccess))
			}
		}},
		"a session that is only read outlives its idle timeout, stored too": {0, func(w *world, a *instance) {
			s := a.begin("t")
			for range 8 {
				time.Sleep(idle / 4)
				if a.Get("t") == nil {
					w.t.Fatal("it ended")
				}
			}
			settle()
			w.wantStored("t", nodeOf(s), "n", "1")
		}},
		"a session whose deadline has come is over at once": {0, func(w *world, a *instance) {
			now := time.Now()
			rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: idle, Deadline: now.Add(time.Minute), Transcoder: "text"}
			_, err := a.Create(context.Background(), "t", "n1", rec)
			a.must(err)
			time.Sleep(time.Minute - time.Millisecond)
			if a.Get("t") == nil {
				w.t.Error("it ended early")
			}
			time.Sleep(time.Millisecond)
			if a.Get("t") != nil {
				w.t.Error("it is served")
			}
		}},
		"a session that changes faster than it is written does not remember without bound": {0, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			most := 0
			for range 5000 {
				a.must(change(a.Get("t"), plus("n", 1)))
				most = max(most, local.Remembered(s.Session))
			}
			if most > 1024 || local.Compactions(s.Session) > 0 {
				w.t.Errorf("%d changes, folded %d times", most, local.Compactions(s.Session))
			}
			settle()
			w.wantStored("t", nodeOf(s), "n", "5001")
		}},
		"what nobody uses leaves memory on time, and the nodes": {0, func(w *world, a *instance) {
			s := a.begin("t")
			node := nodeOf(s)
			time.Sleep(idle + idle/20 - time.Minute)
			if a.Counts().Sessions != 1 {
				w.t.Error("it left early")
			}
			time.Sleep(time.Minute + 2*time.Second)
			if a.Counts().Sessions != 0 || a.Counts().Bytes != 0 {
				w.t.Errorf("%+v", a.Counts())
			}
			if _, err := a.get("t", node); !errors.Is(err, replica.ErrNoSession) {
				w.t.Errorf("%v", err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, c.backups, func(w *world) { c.test(w, w.start(local.Config{})) })
		})
	}
}

// TestBackPressure checks that requests wait when the nodes cannot keep up, so that little is ever unsaved.
func TestBackPressure(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{})
		const sessions = 400
		for i := range sessions {
			a.begin(fmt.Sprint("t", i))
		}
		settle()
		w.all(nodetest.Slow(20 * time.Millisecond)) // 16 workers, 2 operations: 400 writes a second
		began, worst := time.Now(), int64(0)
		for range 10 {
			for i := range sessions {
				time.Sleep(500 * time.Microsecond) // 2,000 changes a second
				a.must(change(a.Get(fmt.Sprint("t", i)), plus("n", 1)))
				worst = max(worst, a.Counts().PendingChanges)
			}
		}
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("4,000 changes in %v: nobody waited", took)
		}
		if worst > sessions*3/4 {
			t.Errorf("%d changes were pending at a time", worst)
		}
		w.all(nil)
		settle()
		if c := a.Counts(); c.PendingChanges != 0 || c.PendingSessions != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// TestBackPressureEnds checks that requests do not wait while no node is available, because there is nothing to wait
// for.
func TestBackPressureEnds(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{})
		for i := range 400 {
			a.begin(fmt.Sprint("t", i))
		}
		settle()
		w.all(nodetest.Slow(200 * time.Millisecond))
		for i := range 400 {
			a.must(change(a.Get(fmt.Sprint("t", i)), plus("n", 1)))
		}
		time.Sleep(500 * time.Millisecond)
		w.all(off)
		began := time.Now()
		for i := range 400 {
			a.must(change(a.Get(fmt.Sprint("t", i)), plus("n", 1)))
		}
		if took := time.Since(began); took == 0 || took > 2*time.Second {
			t.Errorf("400 changes took %v", took)
		}
		w.all(nil)
		time.Sleep(20 * time.Second)
		if c := a.Counts(); c.PendingChanges != 0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestBounds(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		config local.Config
		test   func(w *world, a *instance)
	}{
		"beyond the number, who was not used for longest leaves": {local.Config{MaxSessions: 3}, func(w *world, a *instance) {
			for i := range 3 {
				a.begin(fmt.Sprint("t", i))
				time.Sleep(time.Second)
			}
			a.Get("t0")
			node := nodeOf(a.Get("t1"))
			a.Get("t1")
			time.Sleep(time.Second)
			a.Get("t0")
			a.Get("t1")
			a.begin("t3")
			if a.Get("t2") != nil || a.Get("t0") == nil || a.Get("t1") == nil || a.Counts().Sessions != 3 || a.Counts().Evictions != 1 {
				w.t.Errorf("%+v", a.Counts())
			}
			settle()
			if s, err := a.get("t2", node); err != nil || value(s, "n") != "1" {
				w.t.Errorf("it cannot be loaded again: %v", err)
			}
		}},
		"beyond the bytes as well": {local.Config{MaxBytes: 5000}, func(w *world, a *instance) {
			for i := range 10 {
				a.begin(fmt.Sprint("t", i))
				time.Sleep(time.Second)
			}
			if got := a.Counts(); got.Bytes > 5000 || got.Sessions < 3 || got.Sessions > 6 {
				w.t.Errorf("%+v", got)
			}
		}},
		"what is not stored never leaves; a new session is refused then": {local.Config{MaxSessions: 3}, func(w *world, a *instance) {
			w.all(off)
			settle()
			for i := range 3 {
				a.begin(fmt.Sprint("t", i))
			}
			if _, err := a.create("t3"); !errors.Is(err, local.ErrFull) {
				w.t.Errorf("%v", err)
			}
			w.all(nil)
			time.Sleep(10 * time.Second)
			if _, err := a.create("t3"); err != nil {
				w.t.Errorf("with the nodes back: %v", err)
			}
			if got := a.Counts().Sessions; got != 3 {
				w.t.Errorf("%d sessions", got)
			}
		}},
		"a session that grows beyond is refused, and stays as it was": {local.Config{MaxBytes: 4000}, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			err := change(s, put("big", string(make([]byte, 5000))))
			if !errors.Is(err, local.ErrFull) || value(s, "n") != "1" || value(s, "big") != "" {
				w.t.Errorf("%v", err)
			}
		}},
		"a session that is too large is refused, and stays as it was": {local.Config{MaxSize: 1000}, func(w *world, a *instance) {
			s := a.begin("t")
			if err := change(s, put("big", string(make([]byte, 2000)))); !errors.Is(err, replica.ErrTooLarge) {
				w.t.Errorf("%v", err)
			}
			a.must(change(s, put("n", "2")))
			settle()
			w.wantStored("t", nodeOf(s), "n", "2")
		}},
		"who left in the middle of a request is found again": {local.Config{MaxSessions: 1}, func(w *world, a *instance) {
			s := a.begin("t")
			node := nodeOf(s)
			settle()
			a.begin("u") // t leaves
			settle()
			if err := change(s, plus("n", 1)); !errors.Is(err, local.ErrRemoved) {
				w.t.Errorf("%v", err)
			}
			if err := s.Destroy(ctx); !errors.Is(err, local.ErrRemoved) {
				w.t.Errorf("%v", err)
			}
			again, err := a.get("t", node)
			a.must(err)
			a.must(change(again, plus("n", 1)))
			settle()
			w.wantStored("t", node, "n", "2")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, 0, func(w *world) { c.test(w, w.start(c.config)) })
		})
	}
}

// TestLongOutage checks that sessions live in memory while every node is down, that what is remembered for later stays
// bounded, and that nothing of it is lost.
func TestLongOutage(t *testing.T) {
	for _, sync := range []bool{false, true} {
		t.Run(fmt.Sprint("sync ", sync), func(t *testing.T) {
			inWorld(t, 2, 0, func(w *world) {
				a := w.start(local.Config{Sync: sync})
				s := a.begin("t")
				settle()
				node := nodeOf(s)
				w.all(off)
				time.Sleep(time.Second)
				for range 10_000 {
					a.must(change(a.Get("t"), plus("n", 1)))
				}
				if value(s, "n") != "10001" || nodeOf(s) != node {
					t.Errorf("n = %s on %s", value(s, "n"), nodeOf(s))
				}
				if got := a.Counts(); got.PendingChanges != 10_000 || got.PendingSessions > 1 {
					t.Errorf("%+v", got)
				}
				if n := local.Remembered(s.Session); n > 16 {
					t.Errorf("%d changes are remembered", n)
				}
				time.Sleep(time.Minute)
				w.all(nil)
				time.Sleep(10 * time.Second)
				if got := a.Counts(); got.PendingChanges != 0 || got.Clashes != 0 {
					t.Errorf("%+v", got)
				}
				w.wantStored("t", nodeOf(s), "n", "10001")
			})
		})
	}
}

// TestClose checks that what is not stored yet is stored as far as the time allows, and that the rest is counted.
func TestClose(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{})
		for i := range 100 {
			a.begin(fmt.Sprint("t", i))
		}
		if left := a.Close(context.Background()); left != 0 {
			t.Errorf("%d left", left)
		}
		for i := range 100 {
			w.wantStored("t"+strconv.Itoa(i), "n1", "n", "1")
		}
		// A request that is still running stores its changes itself.
		s := a.Get("t7")
		a.must(change(s, plus("n", 1)))
		w.wantStored("t7", "n1", "n", "2")

		b := w.start(local.Config{})
		w.all(off)
		time.Sleep(time.Second)
		for i := range 7 {
			b.begin(fmt.Sprint("u", i))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if left := b.Close(ctx); left != 7 || time.Since(began) > 6*time.Second {
			t.Errorf("%d left after %v; want 7", left, time.Since(began))
		}
	})
}

// TestCloseWithoutADeadline checks that Close ends without a deadline, too: not while something gets stored, but when
// nothing has been stored for seven seconds.
func TestCloseWithoutADeadline(t *testing.T) {
	for name, c := range map[string]struct {
		nodes      nodetest.Fault // of the nodes, at first
		later      nodetest.Fault // of the nodes, after the time then
		then       time.Duration
		min, max   time.Duration
		left, most int
	}{
		"no node, ever":                    {nodes: off, later: off, min: 7 * time.Second, max: 8 * time.Second, left: 200, most: 200},
		"no node at first":                 {nodes: off, then: 900 * time.Millisecond, min: 900 * time.Millisecond, max: 8 * time.Second},
		"one that goes away":               {nodes: nodetest.Slow(700 * time.Millisecond), then: 6 * time.Second, later: off, min: 10 * time.Second, max: 15 * time.Second, left: 1, most: 199},
		"slow ones, that need 9 s for all": {nodes: nodetest.Slow(700 * time.Millisecond), later: nodetest.Slow(700 * time.Millisecond), min: 9 * time.Second, max: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, 0, func(w *world) {
				a := w.start(local.Config{})
				w.all(off)
				time.Sleep(time.Second)
				for i := range 200 {
					a.begin(fmt.Sprint("t", i))
				}
				w.all(c.nodes)
				time.AfterFunc(c.then, func() { w.all(c.later) })
				began := time.Now()
				left, took := a.Close(context.Background()), time.Since(began)
				if left < c.left || left > c.most || took < c.min || took > c.max {
					t.Errorf("%d left after %v; want %+v", left, took, c)
				}
				if left < 200 {
					return
				}
				for _, by := range []commit{(*session).Commit, (*session).CommitNow} {
					if err := changeBy(by, a.Get("t0"), plus("n", 1)); !errors.Is(err, replica.ErrUnavailable) {
						t.Errorf("what is not stored any more is answered with %v", err)
					}
				}
			})
		})
	}
}

// TestSync checks that with Config.Sync a change is on the nodes before its request is answered, and that nobody sees
// it before that.
func TestSync(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		a := w.start(local.Config{Sync: true})
		s := a.begin("t")
		w.wantStored("t", nodeOf(s), "n", "1")
		w.all(nodetest.Slow(20 * time.Millisecond))
		done := make(chan error)
		go func() { done <- change(s, plus("n", 1)) }()
		time.Sleep(10 * time.Millisecond)
		if value(s, "n") != "1" {
			t.Error("another request sees what is not stored")
		}
		a.must(<-done)
		if value(s, "n") != "2" {
			t.Error("it is stored and not seen")
		}
		w.all(nil)
		w.wantStored("t", nodeOf(s), "n", "2")
	})
}

// TestAttributesThatStay checks that attributes that stay here are never stored, and do not get lost when others are.
func TestAttributesThatStay(t *testing.T) {
	for _, sync := range []bool{false, true} {
		inWorld(t, 1, 0, func(w *world) {
			a := w.start(local.Config{Sync: sync, MemoryOnly: func(name string) bool { return name == "here" }})
			s := a.begin("t")
			settle()
			before := w.count(writes)
			a.must(change(s, put("here", "x")))
			settle()
			if n := w.count(writes); n != before {
				t.Error("it was written")
			}
			a.must(change(s, plus("n", 1)))
			settle()
			a.must(change(s, plus("n", 1)))
			settle()
			if value(s, "here") != "x" || value(s, "n") != "3" {
				t.Errorf("here = %q, n = %s", value(s, "here"), value(s, "n"))
			}
			w.wantStored("t", "n1", "n", "3")
			w.wantStored("t", "n1", "here", "")
			next, err := s.Renew(context.Background(), renewal(a, s, "u"))
			a.must(err)
			if value(next, "here") != "x" {
				t.Error("it got lost by a new id")
			}
		})
	}
}

func renewal(a *instance, s *session, token string) local.Renewal {
	base, _ := s.View()
	return local.Renewal{
		Token: token, Node: a.replica.FirstNode(token), Base: base, Work: base, Redo: func(*record.Record) error { return nil },
		Successor: func(of *record.Record) *record.Record {
			now := time.Now()
			return &record.Record{Created: of.Created, LastAccess: now, IdleTimeout: idle, Transcoder: "text", Attributes: of.Attributes}
		},
	}
}
