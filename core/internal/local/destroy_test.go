package local_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/replica"
)

// TestDestroy checks where a session has ended after Destroy.
func TestDestroy(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]func(w *world, a *instance){
		"it is over, here and elsewhere": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			a.must(s.Destroy(ctx))
			if a.Get("t") != nil || len(w.holds("t")) > 0 || a.Gauges().Sessions != 0 {
				w.t.Error("it lives")
			}
			if err := change(s, plus("n", 1)); !errors.Is(err, local.ErrRemoved) {
				w.t.Errorf("%v", err)
			}
			if _, err := a.get("t", node); !errors.Is(err, replica.ErrNoSession) {
				w.t.Errorf("%v", err)
			}
		},
		"a session that was not stored yet leaves nothing": func(w *world, a *instance) {
			s := a.begin("t")
			a.must(s.Destroy(ctx))
			settle()
			if len(w.holds("t")) > 0 || a.Gauges().PendingChanges != 0 {
				w.t.Errorf("on %v, %+v", w.holds("t"), a.Gauges())
			}
		},
		"its node is dead and comes back with it: it stays dead": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			node := nodeOf(s)
			w.servers[node].Fail(off)
			a.must(s.Destroy(ctx))
			w.servers[node].Fail(nil)
			time.Sleep(10 * time.Second)
			b := w.start(local.Config{})
			if _, err := b.get("t", node); !errors.Is(err, replica.ErrNoSession) {
				w.t.Errorf("the old cookie: %v", err)
			}
		},
		"without any node it fails, and the session lives on": func(w *world, a *instance) {
			s := a.begin("t")
			settle()
			w.all(off)
			if err := s.Destroy(ctx); !errors.Is(err, replica.ErrUnavailable) {
				w.t.Errorf("%v", err)
			}
			if s := a.Get("t"); s == nil || value(s, "n") != "1" {
				w.t.Error("it is gone")
			}
		},
	} {
		t.Run(name, func(t *testing.T) { inModes(t, 2, 0, test) })
	}
}
