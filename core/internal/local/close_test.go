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
	"github.com/gomsm/msm/core/internal/replica"
)

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

// TestCloseStoresThatASessionWasUsed checks G2 for a session that is read just before its instance is told to end. The
// use must be stored, or the session would end sooner than its visitor may expect.
func TestCloseStoresThatASessionWasUsed(t *testing.T) {
	inWorld(t, 2, 0, func(w *world) {
		a := w.start(local.Config{})
		s := a.begin("t")
		time.Sleep(idle / 2)
		used := time.Now()
		s.Use(used)
		if left := a.Close(context.Background()); left > 0 {
			t.Errorf("%d sessions were not stored", left)
		}
		if at := w.stored(nodeOf(s), "t").LastAccess; at.Before(used.Truncate(time.Millisecond)) {
			t.Errorf("stored is that it was used %v before", used.Sub(at))
		}
	})
}
