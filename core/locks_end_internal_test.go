package msm

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/nodetest"
)

// long is how long handlers run on after they have released the lock. No other request waits so long.
const long = time.Minute

// TestWhoeverLeavesReleases checks that the next request, in the other instance, has the lock at once.
func TestWhoeverLeavesReleases(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(v *tabs){
		"the handler returns": func(v *tabs) {
			v.send(context.Background(), 0, slowly(0))
		},
		"the handler panics": func(v *tabs) {
			v.send(context.Background(), 0, func(s *Session) { s.Set("n", 99); panic("oops") })
		},
		"the handler logs out": func(v *tabs) {
			v.send(context.Background(), 0, func(s *Session) { s.Destroy() })
		},
		"the handler renews": func(v *tabs) {
			v.send(context.Background(), 0, func(s *Session) { _ = s.Renew() })
		},
		"the handler fails to store": func(v *tabs) {
			v.send(context.Background(), 0, func(s *Session) { s.Set("n", func() {}) })
		},
		"the client has gone, while the handler runs": func(v *tabs) {
			ctx, cancel := context.WithCancel(context.Background())
			v.send(ctx, 0, func(*Session) { cancel() })
		},
		"the client has gone, while it waits": func(v *tabs) {
			ctx, cancel := context.WithCancel(context.Background())
			v.send(context.Background(), 1, slowly(100*time.Millisecond))
			synctest.Wait()
			v.send(ctx, 0, slowly(0))
			v.send(ctx, 0, slowly(0))
			time.Sleep(50 * time.Millisecond)
			cancel()
		},
		"the client has gone, while it waits behind others": func(v *tabs) {
			ctx, cancel := context.WithCancel(context.Background())
			v.send(context.Background(), 0, slowly(100*time.Millisecond))
			synctest.Wait()
			v.send(ctx, 0, slowly(0))
			time.Sleep(50 * time.Millisecond)
			cancel()
		},
		"the client goes the moment its turn comes": func(v *tabs) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			v.send(context.Background(), 0, slowly(100*time.Millisecond))
			synctest.Wait()
			v.send(ctx, 0, slowly(0))
			v.wait.Wait()
			cancel()
		},
		"it says so itself": func(v *tabs) {
			v.send(context.Background(), 0, func(s *Session) { _ = s.Unlock(); time.Sleep(long) })
			synctest.Wait()
		},
		"the connection is hijacked": func(v *tabs) {
			go v.serve(func(w http.ResponseWriter, _ *http.Request) {
				_, _, _ = http.NewResponseController(w).Hijack()
				time.Sleep(long)
			})
			synctest.Wait()
		},
		"a stream of events begins": func(v *tabs) {
			go v.serve(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				_, _ = io.WriteString(w, ": hello\n\n")
				time.Sleep(long)
			})
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				v := newTabs(t, w, Config{Locking: LockAll, LockWait: time.Hour})
				leave(v)
				if name != "it says so itself" {
					v.wait.Wait()
				}
				w.checkFree(v.id)
				began := time.Now()
				var served time.Duration
				v.send(t.Context(), 1, func(*Session) { served = time.Since(began) })
				v.wait.Wait()
				if served > lock.YieldTime && name != "it says so itself" || v.m[0].locks.Queued() > 0 {
					t.Errorf("served after %v, %d lines", served, v.m[0].locks.Queued())
				}
				time.Sleep(2 * long)
			})
		})
	}
}

// TestAHandlerKeepsItsLock checks that a handler whose client has gone keeps its lock, for it still works on the
// session.
func TestAHandlerKeepsItsLock(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]int{"a request to the same instance": 0, "a request to another one": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newTabs(t, newWorld(t, 2), Config{Locking: LockAll, LockWait: time.Hour})
				ctx, gone := context.WithCancel(t.Context())
				v.send(ctx, 0, func(s *Session) { gone(); slowly(long)(s) })
				synctest.Wait()
				v.send(t.Context(), other, slowly(0))
				runs := v.ran()
				if len(runs) != 2 || overlaps(runs) > 0 {
					t.Errorf("%d handlers ran, %d overlap", len(runs), overlaps(runs))
				}
				if n := v.count(); n != 2 {
					t.Errorf("counted %d of 2", n)
				}
			})
		})
	}
}

// TestTheLockOfACrashedInstanceEnds: F-17, F-19. Others wait until it expires, neither longer nor shorter, whenever
// they ask for it.
func TestTheLockOfACrashedInstanceEnds(t *testing.T) {
	t.Parallel()
	for _, later := range []time.Duration{0, 5 * time.Second, 9 * time.Second} {
		t.Run(later.String(), func(t *testing.T) { crashedWithALock(t, later) })
	}
}

func crashedWithALock(t *testing.T, later time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		v := newTabs(t, newWorld(t, 2), Config{Locking: LockAll, LockWait: time.Hour})
		v.send(t.Context(), 0, func(*Session) { v.in[0].cut() }) // it can neither extend the lock nor release it
		v.wait.Wait()
		began := time.Now()
		time.Sleep(later)
		v.send(t.Context(), 1, slowly(0))
		v.wait.Wait()
		if took := time.Since(began); took < 9*time.Second || took > 10*time.Second+lockSlack {
			t.Errorf("waited %v for a lock of 10 s", took)
		}
	})
}

// TestAnInstanceKilledWithALock: an instance is killed between the two writes of a change, which only the backup has
// then. No later request is refused.
func TestAnInstanceKilledWithALock(t *testing.T) {
	t.Parallel()
	for _, locking := range []Locking{LockNone, LockAll} {
		t.Run(string(locking), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newTabs(t, newWorld(t, 2), Config{Locking: locking, LockExpiry: 2 * time.Second, LockWait: time.Hour})
				over := make(chan struct{})
				dead := func(context.Context, nodetest.Op, func() error) error { <-over; return nodetest.ErrOff }
				v.in[0].ways[tokenNode(v.id)].Fail(nodetest.Only(nodetest.Writes("msm:s:"), func(context.Context, nodetest.Op, func() error) error {
					for _, way := range v.in[0].ways {
						way.Fail(dead)
					}
					return dead(t.Context(), nodetest.Op{}, nil)
				}))
				v.send(t.Context(), 0, slowly(0))
				time.Sleep(3 * time.Second) // its lock ends
				for i := range 3 {
					v.request(t.Context(), 1, slowly(0))()
					if status := v.runs[i].status; status != 200 {
						t.Errorf("request %d is answered %d", i+1, status)
					}
				}
				v.request(t.Context(), 1, func(s *Session) {
					if n := Get[int](s, "n"); n != 3 {
						t.Errorf("it counts %d", n)
					}
				})()
				close(over)
				v.wait.Wait()
			})
		})
	}
}
