package keyqueue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestQueue checks that requests are served in the order in which they came, also if some give up, and that none waits
// beyond the limit.
func TestQueue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit    Limit
		patience []time.Duration // how long each request waits that comes while the first one has its turn, in order
		want     []int           // the order in which they had their turn
		errs     map[int]error
	}{
		"one after the other":                 {Limit{}, []time.Duration{9, 9, 9, 9}, []int{0, 1, 2, 3}, nil},
		"one in the middle gives up":          {Limit{}, []time.Duration{9, 9, 1, 9}, []int{0, 1, 3}, map[int]error{2: context.DeadlineExceeded}},
		"all give up":                         {Limit{}, []time.Duration{9, 1, 1}, []int{0}, map[int]error{1: context.DeadlineExceeded, 2: context.DeadlineExceeded}},
		"more than may wait":                  {Limit{Waiting: 2}, []time.Duration{9, 9, 9, 9, 9}, []int{0, 1, 2}, map[int]error{3: ErrBusy, 4: ErrBusy}},
		"who gives up leaves room for others": {Limit{Waiting: 1}, []time.Duration{9, 1}, []int{0}, map[int]error{1: context.DeadlineExceeded}},
		"longer than one may wait":            {Limit{Time: 3 * time.Second}, []time.Duration{9, 9, 9, 1}, []int{0, 1}, map[int]error{2: ErrBusy, 3: context.DeadlineExceeded}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queues := New[int](c.limit)
				var mu sync.Mutex
				var order []int
				errs := map[int]error{}
				for i, patience := range c.patience {
					go func() {
						ctx, cancel := context.WithTimeout(t.Context(), patience*time.Second)
						defer cancel()
						_, waited, err := queues.Acquire(ctx, "a")
						if waited != (i > 0) {
							t.Errorf("%d waited: %v", i, waited)
						}
						mu.Lock()
						defer mu.Unlock()
						if err != nil {
							errs[i] = err
							return
						}
						order = append(order, i)
						time.AfterFunc(2*time.Second, func() { queues.Release("a", nil) })
					}()
					synctest.Wait()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if !slices.Equal(order, c.want) || len(errs) != len(c.errs) {
					t.Errorf("order %v, errors %v; want %v, %v", order, errs, c.want, c.errs)
				}
				for i, want := range c.errs {
					if !errors.Is(errs[i], want) {
						t.Errorf("%d: %v; want %v", i, errs[i], want)
					}
				}
				if queues.Len() != 0 {
					t.Errorf("%d queues are left", queues.Len())
				}
			})
		})
	}
}

// TestGivingUpAsTheTurnComes has a waiter give up at the moment it gets the turn. It passes the turn on with the lock;
// if nobody else waits, it has the lock itself.
func TestGivingUpAsTheTurnComes(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]int{"nobody else waits": 0, "another one waits": 1} {
		t.Run(name, func(t *testing.T) {
			queues, lock := New[string](Limit{}), new(string)
			if _, _, err := queues.Acquire(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			called, err := queues.join("a", nil)
			if err != nil {
				t.Fatal(err)
			}
			var next []*Waiter[string]
			for range others {
				other, _ := queues.join("a", nil)
				next = append(next, other)
			}
			if !queues.Release("a", lock) {
				t.Fatal("nobody was called")
			}
			left := queues.leave("a", called)
			if (left == lock) != (others == 0) {
				t.Errorf("left with %v", left)
			}
			for _, other := range next {
				select {
				case passed := <-other.called:
					if passed != lock {
						t.Error("something else was passed on")
					}
				default:
					t.Error("the next one was not called")
				}
				queues.Release("a", nil)
			}
			if queues.Len() != 0 {
				t.Errorf("%d queues are left", queues.Len())
			}
		})
	}
}
