package msm_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestCommandsOfALock checks the commands that a lock adds to those of a request.
func TestCommandsOfALock(t *testing.T) {
	for name, c := range map[string]struct {
		locking   msm.Locking
		path      string
		lock, all []string // commands for the lock, and all commands; a gets for both counts for the session
	}{
		"a read, none":                 {msm.LockNone, "GET /read", nil, []string{"gets"}},
		"a write, none":                {msm.LockNone, "POST /write", nil, []string{"cas", "cas", "gets", "gets"}},
		"a read, all":                  {msm.LockAll, "GET /read", []string{"add", "cas"}, []string{"add", "cas", "gets"}},
		"a write, all":                 {msm.LockAll, "POST /write", []string{"add", "cas"}, []string{"add", "cas", "cas", "cas", "gets", "gets"}},
		"a logout, all":                {msm.LockAll, "POST /logout", []string{"add", "cas"}, []string{"add", "cas", "cas", "cas", "gets", "gets"}},
		"one that does not touch, all": {msm.LockAll, "GET /none", []string{"add", "cas", "gets"}, []string{"add", "cas", "gets"}},
		"a read, auto, learnt":         {msm.LockAuto, "GET /read", nil, []string{"gets"}},
		"a write, auto":                {msm.LockAuto, "POST /write", []string{"add", "cas"}, []string{"add", "cas", "cas", "cas", "gets", "gets"}},
		"a write, app":                 {msm.LockApp, "POST /write", nil, []string{"cas", "cas", "gets", "gets"}},
		"a path that matches":          {"uri:^/read$", "GET /read", []string{"add", "cas"}, []string{"add", "cas", "gets"}},
		"a path that does not match":   {"uri:^/read$", "POST /write", nil, []string{"cas", "cas", "gets", "gets"}},
		"an ignored request, all":      {msm.LockAll, "POST /x.gif", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWire(t, msm.Config{Locking: c.locking, LockWait: patience, LockExpiry: time.Hour}) // none is extended
			w.do("POST", "/write")
			w.do("GET", "/read")
			w.finish()
			w.reset()
			method, path, _ := strings.Cut(c.path, " ")
			w.do(method, path)
			w.finish()
			lock, all := w.about("msm:l:"), w.about("msm:")
			if !slices.Equal(lock, c.lock) || !slices.Equal(all, c.all) {
				t.Errorf("about the lock %v, want %v; in all %v, want %v", lock, c.lock, all, c.all)
			}
		})
	}
}

// TestALockEndsByItself: W-18. The command that takes a lock sets its expiry.
func TestALockEndsByItself(t *testing.T) {
	t.Parallel()
	w := startWire(t, msm.Config{Locking: msm.LockAll, LockExpiry: 7 * time.Second})
	w.do("POST", "/write")
	w.do("GET", "/read")
	for _, p := range w.proxies {
		for _, line := range p.Commands() {
			if f := strings.Fields(line); f[0] == "add" && strings.HasPrefix(f[1], "msm:l:") && f[3] != "7" {
				t.Error(line)
			}
		}
	}
}

// TestAutoLearns: a route is known by its method and pattern, whatever the router; and wrong guesses are corrected.
func TestAutoLearns(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{Locking: msm.LockAuto, LockWait: patience})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(_ http.ResponseWriter, r *http.Request) { count.Get(msm.From(r.Context())) })
	mux.HandleFunc("POST /items/{id}", func(_ http.ResponseWriter, r *http.Request) { add(msm.From(r.Context())) })
	mux.HandleFunc("GET /untouched", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /sometimes", func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			add(msm.From(r.Context()))
		}
	})
	h := m.Middleware(mux)
	id := begin(t, m, func(s *msm.Session) { add(s) })
	for i, c := range []struct {
		request string
		skips   bool
		known   []string // afterwards
	}{
		{"GET /items/1", false, []string{"GET /items/{id}"}},
		{"GET /items/2?x=y", true, []string{"GET /items/{id}"}},
		{"POST /items/2", false, []string{"GET /items/{id}"}},
		{"GET /untouched", false, []string{"GET /items/{id}", "GET /untouched"}},
		{"GET /sometimes", false, []string{"GET /items/{id}", "GET /sometimes", "GET /untouched"}},
		{"GET /sometimes?change", true, []string{"GET /items/{id}", "GET /untouched"}}, // a wrong guess
		{"GET /sometimes", false, []string{"GET /items/{id}", "GET /untouched"}},
		{"GET /nowhere", false, []string{"GET /items/{id}", "GET /nowhere", "GET /untouched"}},
	} {
		before := m.Stats().Locks
		method, path, _ := strings.Cut(c.request, " ")
		exchange(h, method, path, withCookie("SESSION="+id))
		after := m.Stats().Locks
		if skipped := after.Skipped > before.Skipped; skipped != c.skips || skipped == (after.Taken > before.Taken) {
			t.Errorf("%d. %s: skipped %v", i, c.request, skipped)
		}
		if !slices.Equal(after.ReadOnly, c.known) {
			t.Errorf("%d. %s: known %q; want %q", i, c.request, after.ReadOnly, c.known)
		}
	}
	visit(m, id, func(s *msm.Session) {
		if count.Get(s) != 3 {
			t.Errorf("count %d", count.Get(s))
		}
	})
}

// TestAWrongGuessLosesNothing: G5. A request that LockAuto expected to only read changes what another one changes under
// the lock.
func TestAWrongGuessLosesNothing(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, Locking: msm.LockAuto, LockWait: patience})
	id := begin(t, m, func(s *msm.Session) { count.Set(s, 0) })
	request := func(path string, handler func(s *msm.Session)) int {
		return exchange(m.Middleware(handlerOf(handler)), "GET", path, withCookie("SESSION="+id)).StatusCode
	}
	request("/sometimes", func(s *msm.Session) { count.Get(s) })
	status := request("/sometimes", func(s *msm.Session) {
		n := count.Get(s)
		if other := request("/writes", func(s *msm.Session) { count.Set(s, count.Get(s)+1) }); other != 200 {
			t.Errorf("the request with the lock: %d", other)
		}
		count.Set(s, n+1)
	})
	if status != http.StatusConflict {
		t.Errorf("%d; both say that they have counted", status)
	}
}

// TestSessionLock: locks of LockApp, over two instances.
func TestSessionLock(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	config := msm.Config{Nodes: list, Locking: msm.LockApp, LockWait: patience}
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
			if resp := visit(m, "", request); resp.StatusCode != 200 || m.Stats().Locks.Taken != 0 {
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

// BenchmarkLocking measures a read without other requests, with LockNone and with LockAll.
func BenchmarkLocking(b *testing.B) {
	for _, mode := range []msm.Locking{msm.LockNone, msm.LockAll} {
		b.Run(string(mode), func(b *testing.B) {
			x := newBenchOf(b, msm.Config{Locking: mode}, func(s *msm.Session) { count.Get(s) })
			x.run(b, x.handler)
		})
	}
}
