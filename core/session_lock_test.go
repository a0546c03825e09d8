package msm_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestSessionLock: locks of LockApp, over two instances.
func TestSessionLock(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	config := msm.Config{Nodes: list, Locking: msm.LockApp, LockWait: patience, LockExpiry: patience}
	m := []*msm.Manager{newManager(t, config), newManager(t, config)}
	id := begin(t, m[0], func(s *msm.Session) { count.Set(s, 0) })
	for name, handler := range map[string]func(s *msm.Session){
		"locked first":            func(s *msm.Session) { lock(t, s); count.Set(s, count.Get(s)+1) },
		"read first":              func(s *msm.Session) { count.Get(s); lock(t, s); count.Set(s, count.Get(s)+1) },
		"changed something first": func(s *msm.Session) { s.Set("b", 1); lock(t, s); count.Set(s, count.Get(s)+1) },
		"locked twice":            func(s *msm.Session) { lock(t, s); lock(t, s); count.Set(s, count.Get(s)+1) },
		"unlocked in between": func(s *msm.Session) {
			lock(t, s)
			count.Set(s, count.Get(s)+1)
			if err := s.Unlock(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		},
		"unlocked, and then changed something": func(s *msm.Session) {
			lock(t, s)
			count.Set(s, count.Get(s)+1)
			if err := s.Unlock(); err != nil {
				t.Error(err)
			}
			s.Set("b", 1)
		},
		"locked, unlocked, and locked again": func(s *msm.Session) {
			lock(t, s)
			if err := s.Unlock(); err != nil {
				t.Error(err)
			}
			lock(t, s)
			count.Set(s, count.Get(s)+1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			visit(m[0], id, func(s *msm.Session) { count.Set(s, 0) })
			const n = 40
			parallel(n, func(i int) {
				if resp := visit(m[i%2], id, handler); resp.StatusCode != 200 {
					t.Errorf("%d", resp.StatusCode)
				}
			})
			visit(m[0], id, func(s *msm.Session) {
				if count.Get(s) != n {
					t.Errorf("counted %d of %d", count.Get(s), n)
				}
			})
		})
	}
}

func lock(t *testing.T, s *msm.Session) {
	if err := s.Lock(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestSessionLockRefuses checks, in fake time, that Lock returns an error, and that nothing of the request is stored.
func TestSessionLockRefuses(t *testing.T) {
	t.Parallel()
	app := msm.Config{Locking: msm.LockApp, LockWait: 50 * time.Millisecond}
	for name, c := range map[string]struct {
		config  msm.Config
		request func(m *msm.Manager, id string, s *msm.Session) error
		want    string
	}{
		"without a mode that locks": {msm.Config{}, func(_ *msm.Manager, _ string, s *msm.Session) error {
			return s.Lock(context.Background())
		}, "Config.Locking is none; set it to LockApp"},
		"in sticky mode": {msm.Config{Sticky: true}, func(_ *msm.Manager, _ string, s *msm.Session) error {
			return s.Lock(context.Background())
		}, "Config.Locking is none"},
		"another request has it": {app, func(m *msm.Manager, id string, s *msm.Session) (err error) {
			visit(m, id, func(other *msm.Session) {
				lock(t, other)
				err = s.Lock(context.Background())
			})
			return err
		}, msm.ErrLocked.Error()},
		"its context is over": {app, func(m *msm.Manager, id string, s *msm.Session) (err error) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			visit(m, id, func(other *msm.Session) {
				lock(t, other)
				err = s.Lock(ctx)
			})
			return err
		}, context.Canceled.Error()},
		"the session has ended meanwhile, and was changed": {app, func(m *msm.Manager, id string, s *msm.Session) error {
			s.Set("b", 1)
			visit(m, id, func(s *msm.Session) { s.Destroy() })
			return s.Lock(context.Background())
		}, msm.ErrGone.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t, c.config)
				id := begin(t, m, func(s *msm.Session) { s.Set("a", 1) })
				var err error
				resp := visit(m, id, func(s *msm.Session) {
					err = c.request(m, id, s)
					s.Set("a", 2) // in spite of the error
				})
				if err == nil || !strings.Contains(err.Error(), c.want) || resp.StatusCode != msm.StatusOf(err) {
					t.Errorf("%v, %d; want %q, %d", err, resp.StatusCode, c.want, msm.StatusOf(err))
				}
				visit(m, id, func(s *msm.Session) {
					if msm.Get[int](s, "a") == 2 || s.Has("b") {
						t.Errorf("a = %d, %v", msm.Get[int](s, "a"), s.Keys())
					}
				})
			})
		})
	}
}

// TestSessionLockOfNothing checks Lock without a stored session: there is nobody to wait for.
func TestSessionLockOfNothing(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]func(s *msm.Session){
		"a visitor without a session": func(s *msm.Session) { lock(t, s) },
		"a session that begins":       func(s *msm.Session) { add(s); lock(t, s); add(s) },
		"after a logout":              func(s *msm.Session) { add(s); s.Destroy(); lock(t, s) },
		"unlocked without a lock":     func(s *msm.Session) { add(s); _ = s.Unlock() },
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, msm.Config{Locking: msm.LockApp})
			if resp := visit(m, "", request); resp.StatusCode != 200 || m.Stats().Locks.Acquired != 0 {
				t.Errorf("%d, %+v", resp.StatusCode, m.Stats().Locks)
			}
		})
	}
	t.Run("a session that was destroyed meanwhile", func(t *testing.T) {
		m := newManager(t, msm.Config{Locking: msm.LockApp})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		visit(m, id, func(s *msm.Session) {
			count.Get(s)
			visit(m, id, func(s *msm.Session) { s.Destroy() })
			lock(t, s)
			if !s.IsNew() || count.Get(s) != 0 {
				t.Error("it is still there")
			}
		})
	})
}
