package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/pace"
)

// TestPace checks how long ten portions take at a thousand records a second.
func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		took, want time.Duration // of one portion; of all until the tenth begins
	}{
		"of nodes that take no time":             {0, 9 * 25 * time.Millisecond},
		"of nodes that take a tenth of it":       {2500 * time.Microsecond, 9 * 25 * time.Millisecond},
		"of slow nodes, a tenth of the time":     {10 * time.Millisecond, 9 * 100 * time.Millisecond},
		"of very slow ones, a twentieth as many": {time.Second, 9 * (time.Second + 500*time.Millisecond)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(1000)
				if n := p.Portion(); n != 25 {
					t.Fatalf("a portion is %d", n)
				}
				began := time.Now()
				for i := range 10 {
					if err := p.Wait(t.Context(), p.Portion()); err != nil {
						t.Fatal(err)
					}
					if i == 9 {
						break
					}
					time.Sleep(c.took)
					p.Took(c.took, p.Portion())
				}
				if took := time.Since(began); took != c.want {
					t.Errorf("it took %v; want %v", took, c.want)
				}
			})
		})
	}
}

// TestNoTimeIsSavedUp: after a break there is no burst.
func TestNoTimeIsSavedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(10)
		for range 3 {
			_ = p.Wait(t.Context(), 1)
			time.Sleep(time.Minute)
		}
		began := time.Now()
		for range 3 {
			_ = p.Wait(t.Context(), 1)
		}
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("three records took %v", took)
		}
	})
}

// TestSleepEndsWithItsContext checks that Sleep returns when its context ends, and why.
func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := pace.Sleep(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := pace.Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no time at all: %v", err)
		}
		if err := pace.Sleep(t.Context(), time.Second); err != nil {
			t.Error(err)
		}
	})
}
