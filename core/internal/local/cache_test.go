package local_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/replica"
)

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
			if a.Get("t2") != nil || a.Get("t0") == nil || a.Get("t1") == nil || a.Gauges().Sessions != 3 || a.Evictions.Load() != 1 {
				w.t.Errorf("%+v", a.Gauges())
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
			if got := a.Gauges(); got.Bytes > 5000 || got.Sessions < 3 || got.Sessions > 6 {
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
			if got := a.Gauges().Sessions; got != 3 {
				w.t.Errorf("%d sessions", got)
			}
		}},
		"sessions that begin leave room to others": {local.Config{MaxBytes: 40_000}, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(off)
			settle()
			a.must(change(s, plus("n", 1))) // so that it stays
			for i := 0; !errors.Is(errorOf(a.create(fmt.Sprint("new", i))), local.ErrFull); i++ {
				if i > 100 {
					w.t.Fatal("nobody is refused")
				}
			}
			a.must(change(s, put("big", string(make([]byte, 2000)))))
		}},
		"what is stored comes into memory, although the rest of it is not": {local.Config{MaxSessions: 2}, func(w *world, a *instance) {
			node := nodeOf(a.begin("t"))
			settle()
			a.begin("u")
			a.begin("v") // t leaves
			w.all(nodetest.Only(writes, off))
			if a.Get("t") != nil {
				w.t.Fatal("it is still in memory")
			}
			if s, err := a.get("t", node); err != nil || value(s, "n") != "1" {
				w.t.Errorf("it cannot be loaded: %v", err)
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
		"a session that grows beyond does not leave before a use is stored": {local.Config{MaxSessions: 1, MaxBytes: 4000}, func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(off)
			time.Sleep(10 * time.Minute)
			a.Get("t")
			if err := change(s, put("big", string(make([]byte, 5000)))); !errors.Is(err, local.ErrFull) {
				w.t.Errorf("%v", err)
			}
			if _, err := a.create("u"); !errors.Is(err, local.ErrFull) {
				w.t.Errorf("it had to leave for another one: %v", err)
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

func errorOf(_ *session, err error) error { return err }
