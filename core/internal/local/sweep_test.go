package local_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/record"
)

// lasting begins a session with that idle timeout and deadline; a deadline of zero: none.
func (a *instance) lasting(token string, idle, deadline time.Duration) *session {
	a.w.t.Helper()
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: idle, Transcoder: "text"}
	if deadline > 0 {
		rec.Deadline = now.Add(deadline)
	}
	s, err := a.Create(context.Background(), token, a.replica.FirstNode(token), rec)
	a.must(err)
	return s
}

// TestTheSweepLooksAtWhatMayBeOver checks that the sweep does not look at all sessions only because there is, or was, a
// short one.
func TestTheSweepLooksAtWhatMayBeOver(t *testing.T) {
	const many = 2000
	for name, c := range map[string]struct {
		short func(w *world, a *instance)
		looks int // at most, in half a minute in which the test sweeps every second
	}{
		"one that has ended": {func(_ *world, a *instance) { a.lasting("short", time.Second, 0) }, 0},
		"one in use": {func(w *world, a *instance) {
			a.lasting("short", 2*time.Second, 0)
			go func() {
				for range 60 {
					time.Sleep(time.Second)
					if a.Get("short") == nil {
						w.t.Error("it ended, although it was used")
					}
				}
			}()
		}, 16},
		"one whose deadline has come": {func(_ *world, a *instance) { a.lasting("short", idle, 2*time.Second) }, 0},
		"one of many that was made shorter": {func(_ *world, a *instance) {
			s := a.Get("s1")
			a.must(change(s, func(rec *record.Record) error { rec.IdleTimeout = time.Second; return nil }))
		}, 0},
		"none": {func(*world, *instance) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, 0, func(w *world) {
				a := w.start(local.Config{})
				for i := range many {
					a.lasting(fmt.Sprint("s", i), idle, 0)
				}
				c.short(w, a)
				time.Sleep(10*time.Second + time.Millisecond)
				looks := 0
				for range 30 {
					looks += local.Sweep(a.Store)
					time.Sleep(time.Second)
				}
				if looks > c.looks {
					t.Errorf("%d looks, of %d sessions; at most %d are needed", looks, many, c.looks)
				}
				time.Sleep(time.Minute)
				if n := a.Gauges().Sessions; n > many || n < many-1 {
					t.Errorf("%d sessions of %d", n, many)
				}
			})
		})
	}
}

// TestWhatIsOverLeaves checks that sessions leave within two seconds of their end, however long they and others live.
func TestWhatIsOverLeaves(t *testing.T) {
	inWorld(t, 1, 0, func(w *world) {
		a := w.start(local.Config{})
		lives := []time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute}
		for i, life := range lives {
			a.lasting(fmt.Sprint("idle", i), life, 0)
			a.lasting(fmt.Sprint("deadline", i), 24*time.Hour, life)
			a.lasting(fmt.Sprint("forever", i), 0, 0)
		}
		shortened := a.lasting("shortened", 24*time.Hour, 0)
		a.must(change(shortened, func(rec *record.Record) error { rec.IdleTimeout = time.Minute; return nil }))
		prolonged := a.lasting("prolonged", time.Minute, 0)
		a.must(change(prolonged, func(rec *record.Record) error { rec.IdleTimeout = 24 * time.Hour; return nil }))
		began := time.Now()
		for _, life := range lives {
			time.Sleep(time.Until(began.Add(life + life/20 + 2*sweep)))
			want := int64(len(lives) + 1) // the sessions that live for ever, and the prolonged one
			for _, other := range lives {
				if other > life {
					want += 2
				}
			}
			if life < time.Minute {
				want++ // the shortened one
			}
			if n := a.Gauges().Sessions; n != want {
				t.Errorf("after %v: %d sessions; want %d", life, n, want)
			}
		}
	})
}

// sweep is how often the store looks for sessions that have ended.
const sweep = time.Second
