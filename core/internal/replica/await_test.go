package replica_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestARequestWaitsForANode: with no node in use a request waits, for Config.Patience at most, if one was in use less
// than two seconds ago.
func TestARequestWaitsForANode(t *testing.T) {
	const patience, soon = 250 * time.Millisecond, 102 * time.Millisecond
	for name, c := range map[string]struct {
		first, both time.Duration // how long n1 has been down before n2 goes down, and then both
		back        time.Duration // when both are back, after the request has begun
		impatient   bool          // Config.Patience is zero
		want        error
		least, most time.Duration // how long the request waits
	}{
		"both were in use a second ago, and are back in time":         {both: time.Second, back: soon, least: soon, most: soon + 5*time.Millisecond},
		"one was in use a second ago, and is back in time":            {first: time.Minute, both: time.Second, back: soon, least: soon, most: soon + 5*time.Millisecond},
		"they were in use a second ago, and are back too late":        {both: time.Second, back: patience + soon, want: replica.ErrUnavailable, least: patience, most: patience},
		"they were in use a second ago, and nobody is to wait":        {both: time.Second, back: soon, impatient: true, want: replica.ErrUnavailable},
		"both have been down for two seconds, and would be back soon": {both: 2 * time.Second, back: soon, want: replica.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, 1)
				home, _ := w.create()
				if !c.impatient {
					w.store.Patience = patience
				}
				w.servers["n1"].Fail(off)
				w.probe()
				time.Sleep(c.first)
				w.servers["n2"].Fail(off)
				w.probe()
				time.Sleep(c.both)
				back := time.AfterFunc(c.back, func() {
					for _, s := range w.servers {
						s.Fail(nil)
					}
					w.probe()
				})
				defer back.Stop()
				began := time.Now()
				if _, err := w.store.Open(token, home).Load(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("it waited for %v, want %v to %v", took, c.least, c.most)
				}
			})
		})
	}
}

// TestOneMoreChanceASecond: G8, rule C21. A node answers probes while its operations hang. However often an access begins
// anew, it meets the node once more within a second, and again when that is over.
func TestOneMoreChanceASecond(t *testing.T) {
	const timeout = 250 * time.Millisecond
	for name, c := range map[string]struct {
		pause    time.Duration // between load and write
		timeouts int
	}{
		"a load, and then a write":              {0, 2},
		"a load, and a write of a second later": {2 * time.Second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 0)
				home, _ := w.create()
				w.store.Patience = timeout
				met, late := 0, 0
				w.servers[home].Fail(func(_ context.Context, op nodetest.Op, do func() error) error {
					if op.Key != key {
						return do()
					}
					if met++; met == 2 { // the second chance of the load
						return do()
					}
					late++
					time.Sleep(timeout)
					return nodetest.ErrLost
				})
				ctx, stop := context.WithCancel(t.Context())
				prober := make(chan struct{})
				go func() {
					defer close(prober)
					for ctx.Err() == nil {
						time.Sleep(100 * time.Millisecond)
						w.probe()
					}
				}()
				a := w.store.Open(token, home)
				if _, err := a.Load(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.pause)
				if _, err := a.Write(t.Context(), set("2")); !errors.Is(err, replica.ErrUnavailable) {
					t.Error(err)
				}
				stop()
				<-prober
				if late != c.timeouts {
					t.Errorf("%d operations ran out of time; want %d", late, c.timeouts)
				}
			})
		})
	}
}
