package msm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// manager makes an instance on the world's servers. Nothing happens by itself there, so nodes are probed when probe is called.
func (w *world) manager(config Config) (*Manager, *instance) {
	config.Logger = slog.New(slog.DiscardHandler)
	m, err := New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	in := w.silent()
	m.background.close()
	m.store, m.locks = in.store, newLocks(in.store, &m.config)
	m.background = newBackground(in.store, m.refreshes, m.log)
	w.t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m, in
}

// run is one handler's time in a session.
type run struct {
	instance   int
	begin, end time.Time
	status     int
}

// visitors send requests of one session to two instances, and record when handlers ran.
type visitors struct {
	t  *testing.T
	id string
	m  []*Manager
	in []*instance

	mu   sync.Mutex
	runs []run
	wait sync.WaitGroup
}

func newVisitors(t *testing.T, w *world, config Config) *visitors {
	v := &visitors{t: t}
	for range 2 {
		m, in := w.manager(config)
		v.m, v.in = append(v.m, m), append(v.in, in)
	}
	v.send(t.Context(), 0, func(s *Session) { s.Set("n", 0) })
	v.wait.Wait()
	v.runs = nil
	return v
}

// send begins a request with a handler.
func (v *visitors) send(ctx context.Context, instance int, handler func(*Session)) {
	v.mu.Lock()
	cookie := "SESSION=" + v.id
	v.mu.Unlock()
	v.wait.Go(func() {
		r := run{instance: instance}
		h := v.m[instance].Middleware(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			r.begin = time.Now()
			defer func() { r.end = time.Now() }()
			handler(From(req.Context()))
		}))
		req := httptest.NewRequest("POST", "/", nil).WithContext(ctx)
		req.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(w, req)
		}()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, c := range w.Result().Cookies() {
			v.id = c.Value
		}
		r.status = w.Code
		v.runs = append(v.runs, r)
	})
}

// ran waits for all requests, and answers those whose handler ran, in its order.
func (v *visitors) ran() (list []run) {
	v.wait.Wait()
	for _, r := range v.runs {
		if !r.begin.IsZero() {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b run) int { return a.begin.Compare(b.begin) })
	return list
}

func overlaps(runs []run) (n int) {
	for i := 1; i < len(runs); i++ {
		if runs[i].begin.Before(runs[i-1].end) {
			n++
		}
	}
	return n
}

// count reads the session's counter.
func (v *visitors) count() (n int) {
	v.send(context.Background(), 0, func(s *Session) { n = Get[int](s, "n") })
	v.wait.Wait()
	return n
}

// slowly counts by a read and a later write, which only a lock keeps together.
func slowly(d time.Duration) func(*Session) {
	return func(s *Session) {
		n := Get[int](s, "n")
		time.Sleep(d)
		s.Set("n", n+1)
	}
}

// TestLockedHandlersNeverOverlap: LockAll over two instances, recorded handlers.
func TestLockedHandlersNeverOverlap(t *testing.T) {
	for name, c := range map[string]struct {
		requests int
		handler  func(i int) time.Duration
		spread   time.Duration // over which they come
	}{
		"all at once":                                     {60, func(int) time.Duration { return 10 * time.Millisecond }, 0},
		"as they come":                                    {200, func(int) time.Duration { return rand.N(20 * time.Millisecond) }, 4 * time.Second},
		"handlers that take no time":                      {60, func(int) time.Duration { return 0 }, time.Millisecond},
		"handlers of three times the lock's expiry":       {4, func(int) time.Duration { return 6 * time.Second }, 100 * time.Millisecond},
		"one handler of a minute, before some short ones": {9, func(i int) time.Duration { return time.Minute / time.Duration(1+i*1000) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newVisitors(t, newWorld(t, 2, 0), Config{Locking: LockAll, LockExpiry: 2 * time.Second, LockWait: time.Hour})
				for i := range c.requests {
					v.send(t.Context(), i%2, slowly(c.handler(i)))
					if c.spread > 0 {
						time.Sleep(rand.N(2 * c.spread / time.Duration(c.requests)))
					}
				}
				runs := v.ran()
				if len(runs) != c.requests || overlaps(runs) > 0 {
					t.Errorf("%d handlers ran, %d overlap", len(runs), overlaps(runs))
				}
				if n := v.count(); n != c.requests {
					t.Errorf("counted %d of %d", n, c.requests)
				}
				for i, m := range v.m {
					if s := m.Stats().Locks; s.Lost+s.Refused+s.Busy > 0 || len(m.locks.turns.lines) > 0 {
						t.Errorf("instance %d: %+v, %d lines", i, s, len(m.locks.turns.lines))
					}
				}
			})
		})
	}
}

// TestLocksAreFair: within an instance in the order of arrival; and a crowd in one instance does not keep the other out.
func TestLocksAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVisitors(t, newWorld(t, 2, 0), Config{Locking: LockAll, LockWait: time.Hour})
		var order []int
		for i := range 60 {
			v.send(t.Context(), 0, func(*Session) { order = append(order, i); time.Sleep(20 * time.Millisecond) })
			synctest.Wait()
		}
		v.send(t.Context(), 1, func(*Session) { order = append(order, -1) })
		v.wait.Wait()
		at := slices.Index(order, -1)
		if at < 0 || at > maxPassed+1 {
			t.Errorf("the other instance came in as %d of %d; at most %d may pass the lock on", at, len(order), maxPassed)
		}
		if order = slices.Delete(order, at, at+1); !slices.IsSorted(order) {
			t.Errorf("order of arrival: %v", order)
		}
	})
}

// TestALockThatIsNotHad: the handler does not run, and 503 says when to come again.
func TestALockThatIsNotHad(t *testing.T) {
	for name, c := range map[string]struct {
		config   Config
		requests int // besides the one that has the lock for 5 s
		instance int
		want     error
		after    time.Duration
	}{
		"another instance has it":               {Config{LockWait: time.Second}, 3, 1, ErrLocked, time.Second},
		"a request of this instance has it":     {Config{LockWait: time.Second}, 3, 0, ErrLocked, time.Second},
		"zero waits two seconds":                {Config{}, 1, 1, ErrLocked, 2 * time.Second},
		"more wait than may, in this instance":  {Config{LockWait: time.Hour}, maxWaiting + 5, 0, ErrBusy, 0},
		"more wait than may, in the other one":  {Config{LockWait: time.Hour}, maxWaiting + 6, 1, ErrBusy, 0},
		"they wait long enough":                 {Config{LockWait: time.Hour}, 3, 1, nil, 0},
		"they wait long enough, the same place": {Config{LockWait: time.Hour}, 3, 0, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var errs []error
				var when []time.Duration
				began := time.Now()
				c.config.Locking = LockAll
				c.config.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
					mu.Lock()
					defer mu.Unlock()
					errs, when = append(errs, err), append(when, time.Since(began))
					sorry(w, r, err)
				}
				v := newVisitors(t, newWorld(t, 2, 0), c.config)
				v.send(t.Context(), 0, slowly(5*time.Second))
				synctest.Wait()
				began = time.Now()
				for range c.requests {
					v.send(t.Context(), c.instance, slowly(0))
				}
				refused := 0
				ran := len(v.ran())
				for i, err := range errs {
					if !errors.Is(err, c.want) || when[i] < c.after || when[i] > c.after+lockSlack {
						t.Errorf("%v after %v; want %v after %v", err, when[i], c.want, c.after)
					}
					refused++
				}
				for _, r := range v.runs {
					if r.begin.IsZero() && r.status != 503 {
						t.Errorf("refused with %d", r.status)
					}
				}
				wantRefused := map[error]int{ErrLocked: c.requests, ErrBusy: 5, nil: 0}[c.want]
				if refused != wantRefused || ran+refused != c.requests+1 {
					t.Errorf("%d refused, want %d; %d ran", refused, wantRefused, ran)
				}
				s := v.m[c.instance].Stats().Locks
				if s.Refused+s.Busy != uint64(wantRefused) {
					t.Errorf("%+v", s)
				}
				if n := v.count(); n != 1+c.requests-wantRefused {
					t.Errorf("counted %d", n)
				}
			})
		})
	}
}

// lockSlack is how long the operation may take that is under way when the wait ends.
const lockSlack = 100 * time.Millisecond

// TestWhoeverLeavesReleases: the next request, in the other instance, has the lock at once.
func TestWhoeverLeavesReleases(t *testing.T) {
	for name, leave := range map[string]func(v *visitors){
		"the handler returns": func(v *visitors) {
			v.send(context.Background(), 0, slowly(0))
		},
		"the handler panics": func(v *visitors) {
			v.send(context.Background(), 0, func(s *Session) { s.Set("n", 99); panic("oops") })
		},
		"the handler logs out": func(v *visitors) {
			v.send(context.Background(), 0, func(s *Session) { s.Destroy() })
		},
		"the handler renews": func(v *visitors) {
			v.send(context.Background(), 0, func(s *Session) { _ = s.Renew() })
		},
		"the handler fails to store": func(v *visitors) {
			v.send(context.Background(), 0, func(s *Session) { s.Set("n", func() {}) })
		},
		"the client has gone, while the handler runs": func(v *visitors) {
			ctx, cancel := context.WithCancel(context.Background())
			v.send(ctx, 0, func(*Session) { cancel() })
		},
		"the client has gone, while it waits": func(v *visitors) {
			ctx, cancel := context.WithCancel(context.Background())
			v.send(context.Background(), 1, slowly(100*time.Millisecond))
			synctest.Wait()
			v.send(ctx, 0, slowly(0))
			v.send(ctx, 0, slowly(0))
			time.Sleep(50 * time.Millisecond)
			cancel()
		},
		"the client has gone, while it waits behind others": func(v *visitors) {
			ctx, cancel := context.WithCancel(context.Background())
			v.send(context.Background(), 0, slowly(100*time.Millisecond))
			synctest.Wait()
			v.send(ctx, 0, slowly(0))
			time.Sleep(50 * time.Millisecond)
			cancel()
		},
		"the client goes the moment its turn comes": func(v *visitors) {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			v.send(context.Background(), 0, slowly(100*time.Millisecond))
			synctest.Wait()
			v.send(ctx, 0, slowly(0))
			v.wait.Wait()
			cancel()
		},
		"it says so itself": func(v *visitors) {
			v.send(context.Background(), 0, func(s *Session) { _ = s.Unlock(); time.Sleep(time.Hour) })
			synctest.Wait()
		},
		"the connection is hijacked": func(v *visitors) {
			go v.serve(func(w http.ResponseWriter, _ *http.Request) {
				_, _, _ = http.NewResponseController(w).Hijack()
				time.Sleep(time.Hour)
			})
			synctest.Wait()
		},
		"a stream of events begins": func(v *visitors) {
			go v.serve(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				_, _ = io.WriteString(w, ": hello\n\n")
				time.Sleep(time.Hour)
			})
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, 0)
				v := newVisitors(t, w, Config{Locking: LockAll, LockWait: time.Hour})
				leave(v)
				if name != "it says so itself" {
					v.wait.Wait()
				}
				w.checkFree(v.id)
				began := time.Now()
				var served time.Duration
				v.send(t.Context(), 1, func(*Session) { served = time.Since(began) })
				v.wait.Wait()
				if served > passPause && name != "it says so itself" || len(v.m[0].locks.turns.lines) > 0 {
					t.Errorf("served after %v, %d lines", served, len(v.m[0].locks.turns.lines))
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// serve is a request to the first instance whose handler has the response.
func (v *visitors) serve(h http.HandlerFunc) {
	req := httptest.NewRequest("POST", "/", nil)
	req.Header.Set("Cookie", "SESSION="+v.id)
	v.m[0].Middleware(h).ServeHTTP(httptest.NewRecorder(), req)
}

// checkFree fails if a server has the lock of the session.
func (w *world) checkFree(id string) {
	w.t.Helper()
	format, err := sid.NewFormat("SESSION", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	parsed, _ := format.Parse(id)
	for i, s := range w.servers {
		if _, err := s.memory.Get(context.Background(), sid.Key("msm:", sid.Lock, parsed.Token)); err == nil {
			w.t.Errorf("n%d still has the lock", i+1)
		}
	}
}

// TestTheLockOfACrashedInstanceEnds: F-17, F-19. Others wait for its expiry, not longer and not shorter.
func TestTheLockOfACrashedInstanceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVisitors(t, newWorld(t, 2, 0), Config{Locking: LockAll, LockWait: time.Hour})
		v.send(t.Context(), 0, func(s *Session) {
			s.locked.first.Stop() // it is extended no more,
			s.locked = nil        // and nobody releases it
		})
		v.wait.Wait()
		began := time.Now()
		v.send(t.Context(), 1, slowly(0))
		v.wait.Wait()
		if took := time.Since(began); took < 9*time.Second || took > 10*time.Second+lockSlack {
			t.Errorf("waited %v for a lock of 10 s", took)
		}
	})
}

// TestALostLock: F-42, F-43, G5. The lock's node forgets it while a handler runs, so that two run at the same time. What
// they change is merged, or one of the two is refused with 409; nothing is lost silently.
func TestALostLock(t *testing.T) {
	update := func(s *Session) { Update(s, "n", func(n int) int { return n + 1 }) }
	for name, c := range map[string]struct {
		first, second func(*Session) // the second one runs while the first one does, and ends before it
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
				w := newWorld(t, 2, 0)
				v := newVisitors(t, w, Config{Locking: LockAll, LockWait: time.Hour})
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

// TestALostLockIsNotPassedOn: who waits in the same instance takes a new one, when it is its turn among all.
func TestALostLockIsNotPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 0)
		v := newVisitors(t, w, Config{Locking: LockAll, LockExpiry: 2 * time.Second, LockWait: time.Hour})
		v.send(t.Context(), 0, slowly(5*time.Second))
		time.Sleep(time.Millisecond)
		v.send(t.Context(), 0, slowly(time.Second))
		w.forgetLock(v.id)
		v.send(t.Context(), 1, func(*Session) { time.Sleep(10 * time.Second) })
		if runs := v.ran(); len(runs) != 3 || overlaps(runs) != 1 || runs[2].instance != 0 {
			t.Errorf("%d overlap in %+v", overlaps(runs), runs)
		}
		if s := v.m[0].Stats().Locks; s.Lost != 1 || s.Passed != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestALockPassedToWhoLeaves: it is released, or passed on, whichever comes first.
func TestALockPassedToWhoLeaves(t *testing.T) {
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 1, 0)
			v := newVisitors(t, w, Config{Locking: LockAll, LockWait: time.Hour})
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

// forgetLock has every server lose the lock, as by eviction.
func (w *world) forgetLock(id string) {
	format, _ := sid.NewFormat("SESSION", nil)
	parsed, _ := format.Parse(id)
	key := sid.Key("msm:", sid.Lock, parsed.Token)
	for _, s := range w.servers {
		if item, err := s.memory.Get(context.Background(), key); err == nil {
			_ = s.memory.CompareAndSwap(context.Background(), key, item, -time.Second)
		}
	}
}

// TestTheLocksNodeFails while it is held, as F-43: the next request takes the lock on another node, and what both store is
// merged.
func TestTheLocksNodeFails(t *testing.T) {
	for name, c := range map[string]struct{ off, nodes int }{
		"one node of two": {1, 2},
		"the only node":   {1, 1},
		"both of two":     {2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.nodes, 0)
				v := newVisitors(t, w, Config{Locking: LockAll, LockWait: time.Second})
				at := v.in[0].store.FirstNode(tokenOf(v.id))
				v.send(t.Context(), 0, func(s *Session) {
					add := func(n int) int { return n + 1 }
					Update(s, "n", add)
					time.Sleep(5 * time.Second)
				})
				synctest.Wait()
				for i, s := range w.servers {
					if c.off == len(w.servers) || fmt.Sprintf("n%d", i+1) == at {
						s.turn(true)
					}
				}
				v.send(t.Context(), 1, func(s *Session) { Update(s, "n", func(n int) int { return n + 1 }) })
				runs := v.ran()
				if c.off == c.nodes {
					if len(runs) != 1 || runs[0].status != 503 { // never unlocked
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

func tokenOf(id string) string {
	format, _ := sid.NewFormat("SESSION", nil)
	parsed, _ := format.Parse(id)
	return parsed.Token
}
