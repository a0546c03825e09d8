package msm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/lock"
)

// TestLockedHandlersNeverOverlap records when handlers run with LockAll in two instances.
func TestLockedHandlersNeverOverlap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		requests int
		handler  func(i int) time.Duration
		spread   time.Duration // the time in which they come
	}{
		"all at once":                                     {60, func(int) time.Duration { return 10 * time.Millisecond }, 0},
		"as they come":                                    {200, func(int) time.Duration { return rand.N(20 * time.Millisecond) }, 4 * time.Second},
		"handlers that take no time":                      {60, func(int) time.Duration { return 0 }, time.Millisecond},
		"handlers of three times the lock's expiry":       {4, func(int) time.Duration { return 6 * time.Second }, 100 * time.Millisecond},
		"one handler of a minute, before some short ones": {9, func(i int) time.Duration { return time.Minute / time.Duration(1+i*1000) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newTabs(t, newWorld(t, 2), Config{Locking: LockAll, LockExpiry: 2 * time.Second, LockWait: time.Hour})
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
					if s := m.Stats().Locks; s.Lost+s.TimedOut+s.Busy > 0 || m.locks.Queued() > 0 {
						t.Errorf("instance %d: %+v, %d lines", i, s, m.locks.Queued())
					}
				}
			})
		})
	}
}

// TestLocksAreFair: within an instance requests have the lock in the order of arrival; and a crowd in one instance does
// not keep the other instance out.
func TestLocksAreFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newTabs(t, newWorld(t, 2), Config{Locking: LockAll, LockWait: time.Hour})
		var order []int
		for i := range 60 {
			v.send(t.Context(), 0, func(*Session) { order = append(order, i); time.Sleep(20 * time.Millisecond) })
			synctest.Wait()
		}
		v.send(t.Context(), 1, func(*Session) { order = append(order, -1) })
		v.wait.Wait()
		at := slices.Index(order, -1)
		if at < 0 || at > lock.MaxPassed+1 {
			t.Errorf("the other instance came in as %d of %d; at most %d may pass the lock on", at, len(order), lock.MaxPassed)
		}
		if order = slices.Delete(order, at, at+1); !slices.IsSorted(order) {
			t.Errorf("order of arrival: %v", order)
		}
	})
}

// TestInstancesTakeTurns: clients ask again as soon as they are answered. None is kept out by those of another
// instance, however many these are, and even if these never wait for each other.
func TestInstancesTakeTurns(t *testing.T) {
	t.Parallel()
	for name, clients := range map[string][]int{
		"one client each": {1, 1}, "two each": {2, 2}, "six each": {6, 6}, "one, and six": {1, 6}, "one, and sixteen": {1, 16},
		"one each in three instances": {1, 1, 1}, "one, one and six": {1, 1, 6},
	} {
		for _, handler := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
			t.Run(fmt.Sprint(name, ", handlers of ", handler), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w, config := newWorld(t, 2), Config{Locking: LockAll}
					v := newTabs(t, w, config)
					for range len(clients) - len(v.m) {
						m, in := w.manager(config)
						v.m, v.in = append(v.m, m), append(v.in, in)
					}
					served, all := make([]int, len(clients)), 0
					until := time.Now().Add(10 * time.Second)
					for i, n := range clients {
						all += n
						for range n {
							v.again(i, until, func(*Session) { served[i]++; time.Sleep(handler) })
						}
					}
					v.wait.Wait()
					total := 0
					for _, n := range served {
						total += n
					}
					for i, n := range served {
						if fair := total * clients[i] / all; n < fair*55/100 {
							t.Errorf("%d of %d clients got %d turns of %d; fair were %d", clients[i], all, n, total, fair)
						}
					}
					for _, r := range v.runs {
						if r.status != http.StatusOK {
							t.Fatalf("a client was answered %d", r.status)
						}
					}
				})
			})
		}
	}
}

// TestALockThatIsNotHad: the handler does not run, and 503 says when to come again.
func TestALockThatIsNotHad(t *testing.T) {
	t.Parallel()
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
		"more wait than may, in this instance":  {Config{LockWait: time.Hour}, lock.MaxWaiting + 5, 0, ErrBusy, 0},
		"more wait than may, in the other one":  {Config{LockWait: time.Hour}, lock.MaxWaiting + 6, 1, ErrBusy, 0},
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
					defaultErrorHandler(w, r, err)
				}
				v := newTabs(t, newWorld(t, 2), c.config)
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
				if s.TimedOut+s.Busy != uint64(wantRefused) {
					t.Errorf("%+v", s)
				}
				if n := v.count(); n != 1+c.requests-wantRefused {
					t.Errorf("counted %d", n)
				}
			})
		})
	}
}

// lockSlack is how long an operation may take that is under way when the wait ends.
const lockSlack = 100 * time.Millisecond
