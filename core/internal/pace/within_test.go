package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

// TestWithin checks when the context ends, and why.
func TestWithin(t *testing.T) {
	late, left := errors.New("late"), errors.New("left")
	for name, c := range map[string]struct {
		parent time.Duration // after that the context around it ends; zero: never
		took   time.Duration
		cause  error
	}{
		"after its time":               {0, 10 * time.Second, late},
		"with the context around it":   {time.Second, time.Second, left},
		"before the context around it": {time.Minute, 10 * time.Second, late},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, leave := context.WithCancelCause(t.Context())
				defer leave(nil)
				if c.parent > 0 {
					time.AfterFunc(c.parent, func() { leave(left) })
				}
				within, stop := pace.Within(ctx, 10*time.Second, late)
				defer stop()
				began := time.Now()
				<-within.Done()
				if took := time.Since(began); took != c.took || !errors.Is(context.Cause(within), c.cause) {
					t.Errorf("%v after %v; want %v after %v", context.Cause(within), took, c.cause, c.took)
				}
			})
		})
	}
}
