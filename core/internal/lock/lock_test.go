package lock_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/sid"
)

// TestLock: a lock has one owner at a time, and nobody ends the lock of another.
func TestLock(t *testing.T) {
	const life = 10 * time.Second
	for name, c := range map[string]struct {
		between func(w *world, first, second *lock.Lock) // called when the first lock has been taken
		release error                                    // what the Release of the first lock returns
		free    bool                                     // nobody has the lock afterwards
	}{
		"taken and released": {func(*world, *lock.Lock, *lock.Lock) {}, nil, true},
		"extended, and released later": {func(w *world, first, _ *lock.Lock) {
			for range 5 {
				time.Sleep(life / 2)
				w.extend(first)
			}
		}, nil, true},
		"its token is known, since a load": {func(w *world, first, _ *lock.Lock) { w.load(first) }, nil, true},
		"its token was known, and is another since it was extended": {func(w *world, first, _ *lock.Lock) {
			w.load(first)
			w.extend(first)
		}, nil, true},
		"its token is known, and it has ended": {func(w *world, first, _ *lock.Lock) {
			w.load(first)
			time.Sleep(life + time.Second)
		}, lock.ErrLockLost, true},
		"its token is known, and another one has it": {func(w *world, first, second *lock.Lock) {
			w.load(first)
			time.Sleep(life + time.Second)
			w.take(second)
		}, lock.ErrLockLost, false},
		"another one has it, as a load has seen": {func(w *world, first, second *lock.Lock) {
			time.Sleep(life + time.Second)
			w.take(second)
			w.load(first)
		}, lock.ErrLockLost, false},
		"someone asks for it": {func(w *world, _, _ *lock.Lock) { w.ask() }, nil, true},
		"its token is known, and someone asks for it then": {func(w *world, first, _ *lock.Lock) {
			w.load(first)
			w.ask()
		}, nil, true},
		"someone asks for it, and it is extended": {func(w *world, first, _ *lock.Lock) {
			for range 5 {
				w.ask()
				time.Sleep(life / 2)
				w.extend(first)
			}
		}, nil, true},
		"someone asks for it while it is extended": {func(w *world, first, _ *lock.Lock) {
			w.servers["n1"].Fail(nodetest.Once(nodetest.Of(nodetest.CompareAndSwap), w.ask))
			w.extend(first)
			w.servers["n1"].Fail(nil)
		}, nil, true},
		"someone asks for it, and it has ended": {func(w *world, _, _ *lock.Lock) {
			time.Sleep(life / 2)
			w.ask()
			time.Sleep(life/2 + time.Second)
		}, lock.ErrLockLost, true},
		"it has ended": {func(*world, *lock.Lock, *lock.Lock) { time.Sleep(life + time.Second) }, lock.ErrLockLost, true},
		"it has ended, and another one has it": {func(w *world, first, second *lock.Lock) {
			time.Sleep(life + time.Second)
			w.take(second)
			if err := first.Extend(context.Background()); !errors.Is(err, lock.ErrLockLost) {
				w.t.Error(err)
			}
		}, lock.ErrLockLost, false},
		"its node lost it, and another one has it": {func(w *world, _, second *lock.Lock) {
			w.restart("n1")
			w.take(second)
		}, lock.ErrLockLost, false},
		"its node does not answer": {func(w *world, _, _ *lock.Lock) { w.servers["n1"].Fail(off) }, nodetest.ErrOff, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				n := w.nodes["n1"]
				first, second := lock.NewLock(n, "lock", life, nil), lock.NewLock(n, "lock", life, nil)
				w.take(first)
				if ok, err := second.Take(t.Context()); ok || err != nil {
					t.Errorf("a second owner: %v %v", ok, err)
				}
				c.between(w, first, second)
				if err := first.Release(t.Context()); !errors.Is(err, c.release) {
					t.Errorf("%v; want %v", err, c.release)
				}
				if owner := w.servers["n1"].Value("lock"); (owner == nil) != c.free {
					t.Errorf("of %q; free: %v", owner, c.free)
				}
			})
		})
	}
}

// take takes a lock that must be free.
func (w *world) take(l *lock.Lock) {
	w.t.Helper()
	if ok, err := l.Take(context.Background()); !ok || err != nil {
		w.t.Errorf("%v %v", ok, err)
	}
}

// ask does what instances do that wait for the lock.
func (w *world) ask() {
	w.t.Helper()
	if err := w.nodes["n1"].Append(context.Background(), "lock", []byte("+")); err != nil {
		w.t.Error(err)
	}
}

func (w *world) extend(l *lock.Lock) {
	w.t.Helper()
	if err := l.Extend(context.Background()); err != nil {
		w.t.Error(err)
	}
}

// load reads another key with the lock, as a load of the session does.
func (w *world) load(l *lock.Lock) {
	w.t.Helper()
	if _, err := l.GetWith(context.Background(), "session"); !errors.Is(err, memcache.ErrMiss) {
		w.t.Error(err)
	}
}

// TestStoreLock checks which node has the lock, and for how long a caller waits for it.
func TestStoreLock(t *testing.T) {
	errLate := errors.New("late")
	for name, c := range map[string]struct {
		before func(w *world, best, other string)
		after  time.Duration // when its present owner releases it; zero: it has none
		want   error
		node   string // best or other
		waits  time.Duration
	}{
		"free":                              {nil, 0, nil, "best", 0},
		"released after a while":            {nil, time.Second, nil, "best", time.Second},
		"not released in time":              {nil, time.Hour, errLate, "", 2 * time.Second},
		"the best node is known to be down": {func(w *world, best, _ string) { w.servers[best].Fail(off); w.probe() }, 0, nil, "other", 0},
		"the best node fails":               {func(w *world, best, _ string) { w.servers[best].Fail(off) }, 0, nil, "other", 0},
		"every node fails": {func(w *world, best, other string) {
			w.servers[best].Fail(off)
			w.servers[other].Fail(off)
		}, 0, cluster.ErrUnavailable, "", 0},
		"every node is known to be down": {func(w *world, best, other string) {
			w.servers[best].Fail(off)
			w.servers[other].Fail(off)
			w.probe()
		}, 0, cluster.ErrUnavailable, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				best := w.first()
				other := map[string]string{"n1": "n2", "n2": "n1"}[best]
				if c.after > 0 {
					taken, err := w.Lock(t.Context(), token, 2*time.Hour, time.Time{})
					if err != nil {
						t.Fatal(err)
					}
					time.AfterFunc(c.after, func() { _ = taken.Release(context.Background()) })
				}
				if c.before != nil {
					c.before(w, best, other)
				}
				began := time.Now()
				ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, errLate)
				defer cancel()
				taken, err := w.Lock(ctx, token, time.Minute, time.Time{})
				if !errors.Is(err, c.want) || (taken == nil) != (c.want != nil) {
					t.Errorf("%v; want %v", err, c.want)
				}
				if took := time.Since(began); took < c.waits || took > c.waits+60*time.Millisecond {
					t.Errorf("waited %v; want %v", took, c.waits)
				}
				at := map[string]string{"best": best, "other": other}[c.node]
				for id, s := range w.servers {
					owner := s.Value(sid.Key("msm:", sid.Lock, token))
					if c.want == nil && (owner != nil) != (id == at) {
						t.Errorf("%s has that of %q; the lock belongs on %s", id, owner, at)
					}
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// TestALockWhoseAnswerIsLost: a try runs out of time, so nobody knows whether it was done. If the next one meets a
// lock, the owner's name tells whose it is.
func TestALockWhoseAnswerIsLost(t *testing.T) {
	errLate := errors.New("late")
	name := sid.Key("msm:", sid.Lock, token)
	for what, c := range map[string]struct {
		then    func(at *memcache.Memory, try func() error) error // what happens before the answer is lost
		want    error
		awaited bool
	}{
		"it was done": {func(_ *memcache.Memory, try func() error) error { return try() }, nil, false},
		"it was done, and another one asks for it": {func(at *memcache.Memory, try func() error) error {
			return errors.Join(try(), at.Append(context.Background(), name, []byte("+")))
		}, nil, true},
		"it was not done": {func(*memcache.Memory, func() error) error { return nil }, nil, false},
		"it was not done, and another one has the lock": {func(at *memcache.Memory, _ func() error) error {
			return at.Add(context.Background(), name, memcache.Item{Value: []byte("another")}, time.Hour)
		}, errLate, false},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				best := w.servers[w.first()]
				best.Fail(nodetest.Only(nodetest.Of(nodetest.Add), func(_ context.Context, _ nodetest.Op, do func() error) error {
					best.Fail(nil)
					if err := c.then(best.Memory(), do); err != nil {
						t.Error(err)
					}
					return nodetest.ErrLost
				}))
				ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, errLate)
				defer cancel()
				taken, err := w.Lock(ctx, token, time.Minute, time.Time{})
				if !errors.Is(err, c.want) || (taken == nil) != (c.want != nil) {
					t.Fatalf("%v; want %v", err, c.want)
				}
				if taken == nil {
					return
				}
				if tries := best.Count(nodetest.Writes(name)); taken.Awaited() != c.awaited || tries != 2 {
					t.Errorf("after %d tries; others wait for it: %v; want 2, %v", tries, taken.Awaited(), c.awaited)
				}
				if err := taken.Release(t.Context()); err != nil || best.Value(name) != nil {
					t.Errorf("%v, and %q has the lock", err, best.Value(name))
				}
			})
		})
	}
}

// TestWhyThereIsNoLock: the error says which node did not help, and why.
func TestWhyThereIsNoLock(t *testing.T) {
	for name, c := range map[string]struct {
		fault nodetest.Fault
		why   string
	}{
		"no node answers":       {off, "connection refused"},
		"no connection is free": {nodetest.Refuse(memcache.ErrBusy), memcache.ErrBusy.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				w.servers["n1"].Fail(c.fault)
				_, err := w.Lock(t.Context(), token, time.Minute, time.Time{})
				if !errors.Is(err, cluster.ErrUnavailable) || !strings.Contains(err.Error(), "node n1 (n1)") || !strings.Contains(err.Error(), c.why) {
					t.Errorf("%v; want that of n1, %s", err, c.why)
				}
			})
		})
	}
}
