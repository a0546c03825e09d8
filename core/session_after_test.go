package msm_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// outlive returns the session of a request that is over. The request's context has been canceled, as net/http does.
func outlive(t testing.TB, m *msm.Manager, id string, handler http.HandlerFunc) *msm.Session {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header.Set("Cookie", "SESSION="+id)
	var s *msm.Session
	m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s = msm.From(context.WithoutCancel(r.Context()))
		handler(w, r)
	})).ServeHTTP(httptest.NewRecorder(), r)
	cancel()
	return s
}

func untouched(http.ResponseWriter, *http.Request) {}

func reads(_ http.ResponseWriter, r *http.Request) { count.Get(msm.From(r.Context())) }

// TestAGoroutineReadsTheSession checks reads after the handler has returned, whether or not it has looked at the
// session.
func TestAGoroutineReadsTheSession(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		for name, handler := range map[string]http.HandlerFunc{"never read": untouched, "read": reads} {
			t.Run(mode+", "+name, func(t *testing.T) {
				m, log := logging(t, config)
				id := begin(t, m, func(s *msm.Session) { add(s); s.AddFlash("hello") })
				s := outlive(t, m, id, handler)
				n, there, err := count.Lookup(s)
				if n != 1 || !there || err != nil {
					t.Errorf("Lookup: %d, %v, %v", n, there, err)
				}
				if s.IsNew() || !s.Has("count") || len(s.Keys()) == 0 || s.ID() != id || s.Err() != nil {
					t.Errorf("new %v, has %v, keys %v, id %q, %v", s.IsNew(), s.Has("count"), s.Keys(), s.ID(), s.Err())
				}
				if log.text.Len() > 0 {
					t.Error(log.text.String())
				}
			})
		}
	}
}

// TestAHandlerWhoseClientHasGone checks that the handler still sees the visitor's session.
func TestAHandlerWhoseClientHasGone(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		t.Run(mode, func(t *testing.T) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			r.Header.Set("Cookie", "SESSION="+id)
			ran := false
			m.Middleware(handlerOf(func(s *msm.Session) {
				ran = true
				if n, _, err := count.Lookup(s); n != 1 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
			if !ran {
				t.Error("the handler did not run")
			}
		})
	}
}

// changes are all ways to change a session.
var changes = map[string]func(s *msm.Session){
	"Set":            func(s *msm.Session) { count.Set(s, 5) },
	"Update":         func(s *msm.Session) { add(s) },
	"Delete":         func(s *msm.Session) { count.Delete(s) },
	"Pop":            func(s *msm.Session) { count.Pop(s) },
	"Clear":          func(s *msm.Session) { s.Clear() },
	"AddFlash":       func(s *msm.Session) { s.AddFlash("late") },
	"Flashes":        func(s *msm.Session) { s.Flashes() },
	"SetIdleTimeout": func(s *msm.Session) { s.SetIdleTimeout(time.Hour) },
	"Persist":        func(s *msm.Session) { s.Persist(time.Hour) },
	"Destroy":        func(s *msm.Session) { s.Destroy() },
}

// TestWhatAGoroutineChanges checks that a change after the handler has returned is refused, with one line in the log.
func TestWhatAGoroutineChanges(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		for name, change := range changes {
			t.Run(mode+", "+name, func(t *testing.T) {
				m, log := logging(t, config)
				id := begin(t, m, func(s *msm.Session) { add(s); s.AddFlash("hello") })
				s := outlive(t, m, id, untouched)
				for range 2 {
					if change(s); !errors.Is(s.Err(), msm.ErrCommitted) {
						t.Errorf("Err: %v", s.Err())
					}
				}
				if n := log.count("level=ERROR"); n != 1 || log.count("Manager.Open") != 1 {
					t.Errorf("%d lines:\n%s", n, log.text.String())
				}
				visit(m, id, func(s *msm.Session) {
					if list := s.Flashes(); count.Get(s) != 1 || len(list) != 1 {
						t.Errorf("count %d, flashes %v", count.Get(s), list)
					}
				})
			})
		}
	}
}

// TestWhatAnswersAnErrorAfterTheRequest checks that methods with an error return it, and log nothing.
func TestWhatAnswersAnErrorAfterTheRequest(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]func(s *msm.Session) error{
		"Renew":  func(s *msm.Session) error { return s.Renew() },
		"Commit": func(s *msm.Session) error { return s.Commit(t.Context()) },
		"Watch of what is gone": func(s *msm.Session) error {
			ctx, _ := s.Watch(t.Context())
			return context.Cause(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, log := logging(t, msm.Config{})
			want := msm.ErrCommitted
			id := begin(t, m, func(s *msm.Session) { add(s) })
			if name == "Watch of what is gone" {
				visit(m, id, func(s *msm.Session) { s.Destroy() })
				want = msm.ErrGone
			}
			if err := late(outlive(t, m, id, untouched)); !errors.Is(err, want) || log.text.Len() > 0 {
				t.Errorf("%v\n%s", err, log.text.String())
			}
		})
	}
}

// TestNobodyTheClientCouldTell checks that what fails after the first byte is one line in the log.
func TestNobodyTheClientCouldTell(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		id   bool
		node bool // the node goes away before the handler looks
		late func(s *msm.Session)
		want error
	}{
		"the first Set":                     {late: func(s *msm.Session) { count.Set(s, 1); count.Set(s, 2) }, want: msm.ErrCommitted},
		"the first Update":                  {late: func(s *msm.Session) { add(s) }, want: msm.ErrCommitted},
		"the first flash":                   {late: func(s *msm.Session) { s.AddFlash("x") }, want: msm.ErrCommitted},
		"Persist":                           {id: true, late: func(s *msm.Session) { s.Persist(time.Hour); add(s) }, want: msm.ErrCommitted},
		"a read that no node answers":       {id: true, node: true, late: func(s *msm.Session) { count.Get(s); count.Get(s) }, want: msm.ErrUnavailable},
		"a change that no node takes":       {id: true, node: true, late: func(s *msm.Session) { add(s) }, want: msm.ErrUnavailable},
		"a session that has become too big": {id: true, late: func(s *msm.Session) { s.Set("big", make([]byte, 300<<10)) }, want: msm.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			list, servers := startServers(t, 1)
			m, log := logging(t, msm.Config{Nodes: list, OpTimeout: hangTimeout})
			id := ""
			if c.id {
				id = begin(t, m, func(s *msm.Session) { add(s) })
			}
			s := outlive(t, m, id, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "x")
				if c.node {
					servers["n1"].Kill()
				}
				c.late(msm.From(r.Context()))
			})
			if n := log.count("level=ERROR"); n != 1 || !errors.Is(s.Err(), c.want) {
				t.Errorf("%v, %d lines:\n%s", s.Err(), n, log.text.String())
			}
		})
	}
}

// TestAChangeBesideTheEnd checks that no change is accepted between the last commit and the end of the request: it
// would be dropped.
func TestAChangeBesideTheEnd(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		t.Run(mode, func(t *testing.T) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			r := requestWith("GET", id)
			x, _, err := m.Begin(r, r.Pattern)
			if err != nil {
				t.Fatal(err)
			}
			x.Writer(httptest.NewRecorder())
			if err := x.Finish(); err != nil {
				t.Fatal(err)
			}
			add(x.Session())
			x.End()
			if err := x.Session().Err(); !errors.Is(err, msm.ErrCommitted) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestAGoroutineSeesWhatIsStored checks that it does not see what a handler that failed or panicked meant to store.
func TestAGoroutineSeesWhatIsStored(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		for name, handler := range map[string]func(s *msm.Session){
			"a panic":                  func(s *msm.Session) { add(s); panic("oops") },
			"a panic after a login":    func(s *msm.Session) { _ = s.Renew(); add(s); panic("oops") },
			"a commit that fails":      func(s *msm.Session) { add(s); s.Set("f", func() {}) },
			"a login that fails":       func(s *msm.Session) { _ = s.Renew(); add(s); s.Set("f", func() {}) },
			"logout and login, failed": func(s *msm.Session) { s.Destroy(); add(s); s.Set("f", func() {}) },
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				m := newManager(t, config)
				id := begin(t, m, func(s *msm.Session) { add(s) })
				var s *msm.Session
				func() {
					defer func() { _ = recover() }()
					visit(m, id, func(of *msm.Session) { s = of; handler(s) })
				}()
				if n := count.Get(s); n != 1 || s.ID() != id {
					t.Errorf("count %d, id %q; want 1, %q", n, s.ID(), id)
				}
			})
		}
	}
}

// TestAPanicAfterALogout: T-24, rule E8. Who has logged out is logged out, whatever the handler does next. What else it meant
// to store is not stored.
func TestAPanicAfterALogout(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		for name, c := range map[string]struct {
			handler func(s *msm.Session)
			want    int // the count that is stored afterwards
		}{
			"a panic after a logout":               {func(s *msm.Session) { s.Destroy(); panic("oops") }, 0},
			"a panic after a logout and an error":  {func(s *msm.Session) { s.Set("f", func() {}); s.Destroy(); panic("oops") }, 0},
			"a panic after a logout and a change":  {func(s *msm.Session) { s.Destroy(); add(s); panic("oops") }, 0},
			"a panic after a logout and a login":   {func(s *msm.Session) { s.Destroy(); _ = s.Renew(); add(s); panic("oops") }, 0},
			"a panic after a login and a logout":   {func(s *msm.Session) { _ = s.Renew(); add(s); s.Destroy(); panic("oops") }, 0},
			"a panic before a logout":              {func(s *msm.Session) { panic("oops") }, 1},
			"the client goes away after a logout":  {func(s *msm.Session) { s.Destroy(); panic(http.ErrAbortHandler) }, 0},
			"a panic after a login with no logout": {func(s *msm.Session) { _ = s.Renew(); add(s); panic("oops") }, 1},
		} {
			t.Run(mode+", "+name, func(t *testing.T) {
				m := newManager(t, config)
				id := begin(t, m, func(s *msm.Session) { add(s) })
				var s *msm.Session
				func() {
					defer func() {
						if recover() == nil {
							t.Error("the panic does not go on")
						}
					}()
					visit(m, id, func(of *msm.Session) { s = of; c.handler(s) })
				}()
				if n := count.Get(s); n != c.want {
					t.Errorf("a goroutine of the request sees %d; want %d", n, c.want)
				}
				counts(t, m, id, c.want)
			})
		}
	}
}

// TestAGoroutineAfterClose gets an error, and a line.
func TestAGoroutineAfterClose(t *testing.T) {
	t.Parallel()
	for mode, config := range kinds {
		t.Run(mode, func(t *testing.T) {
			log := &logged{}
			config.Logger = slog.New(slog.NewTextHandler(log, nil))
			m := newManager(t, config)
			s := outlive(t, m, begin(t, m, func(s *msm.Session) { add(s) }), untouched)
			if err := m.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, _, err := count.Lookup(s); !errors.Is(err, msm.ErrClosed) || log.count("after its request had ended") != 1 {
				t.Errorf("%v\n%s", err, log.text.String())
			}
		})
	}
}
