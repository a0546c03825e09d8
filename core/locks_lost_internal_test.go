package msm

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestALostLock: F-42, F-43, G5. The lock's node loses the lock while a handler runs, so that two run at the same time.
// What they change is merged, or one of the two is refused with 409; nothing is lost silently.
func TestALostLock(t *testing.T) {
	t.Parallel()
	update := func(s *Session) { Update(s, "n", func(n int) int { return n + 1 }) }
	for name, c := range map[string]struct {
		first, second func(*Session) // the second one begins and ends while the first one runs
		status        int            // of the first
		n             int
		attributes    []string
	}{
		"both change one attribute": {slowly(time.Second), slowly(0), 409, 1, []string{"n"}},
		"both update it":            {func(s *Session) { time.Sleep(time.Second); update(s) }, update, 200, 2, []string{"n"}},
		"they change different ones": {
			func(s *Session) { time.Sleep(time.Second); s.Set("a", 1) }, func(s *Session) { s.Set("b", 1) }, 200, 0, []string{"a", "b", "n"},
		},
		"the first removes what the second has changed": {func(s *Session) { time.Sleep(time.Second); s.Delete("n") }, slowly(0), 409, 1, []string{"n"}},
		"the first clears what the second has added to": {
			func(s *Session) { time.Sleep(time.Second); s.Clear() }, func(s *Session) { s.Set("b", 1) }, 409, 0, []string{"b", "n"},
		},
		"the first renews, with a change of the same": {func(s *Session) { slowly(time.Second)(s); _ = s.Renew() }, slowly(0), 409, 1, []string{"n"}},
		"the first only reads":                        {func(s *Session) { Get[int](s, "n"); time.Sleep(time.Second) }, slowly(0), 200, 1, []string{"n"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				v := newTabs(t, w, Config{Locking: LockAll, LockWait: time.Hour})
				v.send(t.Context(), 0, func(s *Session) { Get[int](s, "n"); c.first(s) })
				time.Sleep(10 * time.Millisecond)
				w.forgetLock(v.id)
				v.send(t.Context(), 1, c.second)
				runs := v.ran()
				if len(runs) != 2 || overlaps(runs) != 1 {
					t.Fatalf("%d handlers, %d overlap", len(runs), overlaps(runs))
				}
				if runs[0].status != c.status || runs[1].status != 200 {
					t.Errorf("status %d and %d; want %d and 200", runs[0].status, runs[1].status, c.status)
				}
				v.send(t.Context(), 0, func(s *Session) {
					if n := Get[int](s, "n"); n != c.n || !slices.Equal(s.Keys(), c.attributes) {
						t.Errorf("n = %d, want %d; %v", n, c.n, s.Keys())
					}
				})
				v.wait.Wait()
			})
		})
	}
}

// TestALostLockIsNotPassedOn checks that a request that waits in the same instance takes a new lock, when its turn
// comes.
func TestALostLockIsNotPassedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		v := newTabs(t, w, Config{Locking: LockAll, LockExpiry: 2 * time.Second, LockWait: time.Hour})
		v.send(t.Context(), 0, slowly(5*time.Second))
		time.Sleep(time.Millisecond)
		v.send(t.Context(), 0, slowly(time.Second))
		w.forgetLock(v.id)
		v.send(t.Context(), 1, func(*Session) { time.Sleep(10 * time.Second) })
		if runs := v.ran(); len(runs) != 3 || overlaps(runs) != 1 || runs[2].instance != 0 {
			t.Errorf("%d overlap in %+v", overlaps(runs), runs)
		}
		if s := v.m[0].Stats().Locks; s.Lost != 1 || s.HandedOver != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestALockPassedToWhoLeaves: a lock is passed on to a request at the moment in which it stops waiting. The lock does
// not stay.
func TestALockPassedToWhoLeaves(t *testing.T) {
	t.Parallel()
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 1)
			v := newTabs(t, w, Config{Locking: LockAll, LockWait: time.Hour})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			v.send(t.Context(), 0, slowly(time.Second))
			synctest.Wait()
			v.send(ctx, 0, slowly(0))
			v.wait.Wait()
			w.checkFree(v.id)
		})
	}
}

// TestTheLocksNodeFails: the lock's node fails while the lock is held, as in F-43. The next request takes the lock on
// another node, and the changes of both are merged.
func TestTheLocksNodeFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ off, nodes int }{
		"one node of two": {1, 2},
		"the only node":   {1, 1},
		"both of two":     {2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.nodes)
				v := newTabs(t, w, Config{Locking: LockAll, LockWait: time.Second})
				at := v.in[0].store.FirstNode(tokenOf(v.id))
				v.send(t.Context(), 0, func(s *Session) {
					add := func(n int) int { return n + 1 }
					Update(s, "n", add)
					time.Sleep(5 * time.Second)
				})
				synctest.Wait()
				for i, s := range w.servers {
					if c.off == len(w.servers) || fmt.Sprintf("n%d", i+1) == at {
						s.Fail(off)
					}
				}
				v.send(t.Context(), 1, func(s *Session) { Update(s, "n", func(n int) int { return n + 1 }) })
				runs := v.ran()
				if c.off == c.nodes {
					if len(runs) != 1 || runs[0].status != 503 { // and never runs without the lock
						t.Errorf("without a node: %+v", runs)
					}
					return
				}
				for _, r := range runs {
					if r.status != 200 {
						t.Errorf("%+v", r)
					}
				}
				if n := v.count(); n != 2 {
					t.Errorf("counted %d", n)
				}
				if lost := v.m[0].Stats().Locks.Lost; lost > 1 {
					t.Errorf("lost %d", lost)
				}
			})
		})
	}
}
