package msm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

// visit calls f in a request of a client with that cookie, and returns the response.
func visit(m *msm.Manager, id string, f func(*msm.Session)) *http.Response {
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f(msm.From(r.Context())) }))
	if id == "" {
		return exchange(h, "POST", "/", nil)
	}
	return exchange(h, "POST", "/", withCookie("SESSION="+id))
}

func begin(t testing.TB, m *msm.Manager, f func(*msm.Session)) (id string) {
	t.Helper()
	cookies := sessionCookies(visit(m, "", f))
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	return cookies[0].Value
}

type profile struct {
	Name string
	Tags []string
	Seen time.Time
}

func TestValuesAreValues(t *testing.T) {
	t.Parallel()
	key := msm.NewKey[profile]("profile")
	m := newManager(t, msm.Config{})
	p := profile{"ann", []string{"a", "b"}, time.Unix(1, 5).UTC()}
	id := begin(t, m, func(s *msm.Session) {
		key.Set(s, p)
		p.Tags[0] = "changed after Set"
		if got := key.Get(s); got.Tags[0] != "a" {
			t.Errorf("%v", got)
		}
	})
	visit(m, id, func(s *msm.Session) {
		got := key.Get(s)
		if got.Name != "ann" || !slices.Equal(got.Tags, []string{"a", "b"}) || !got.Seen.Equal(p.Seen) {
			t.Errorf("%+v", got)
		}
		got.Tags[0] = "changed after Get"
		if key.Get(s).Tags[0] != "a" {
			t.Error("what was read and changed in place is seen by the next read")
		}
	})
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	name := msm.NewKey[string]("name")
	id := begin(t, m, func(s *msm.Session) {
		if !s.IsNew() || s.ID() != "" || len(s.Keys()) != 0 {
			t.Error("a session before anything was set")
		}
		name.Set(s, "ann")
		s.Set("b", 1)
		s.Set("a", 2)
		if !s.IsNew() || s.ID() == "" {
			t.Error("a session that begins")
		}
	})
	visit(m, id, func(s *msm.Session) {
		if s.IsNew() || s.ID() != id || !slices.Equal(s.Keys(), []string{"a", "b", "name"}) || !s.Has("a") || s.Has("c") {
			t.Errorf("%v %v", s.ID(), s.Keys())
		}
		if v, ok, err := name.Lookup(s); v != "ann" || !ok || err != nil {
			t.Errorf("%v %v %v", v, ok, err)
		}
		if v, ok, err := msm.Lookup[string](s, "none"); v != "" || ok || err != nil {
			t.Errorf("%v %v %v", v, ok, err)
		}
		s.Delete("a")
		s.Delete("none")
		if name.Pop(s) != "ann" || s.Has("name") {
			t.Error("Pop")
		}
	})
	visit(m, id, func(s *msm.Session) {
		if !slices.Equal(s.Keys(), []string{"b"}) {
			t.Errorf("%v", s.Keys())
		}
		s.Clear()
		s.Set("c", 3)
	})
	visit(m, id, func(s *msm.Session) {
		if !slices.Equal(s.Keys(), []string{"c"}) {
			t.Errorf("%v", s.Keys())
		}
	})
}

// TestRemovingFromNothingCreatesNothing: T-05.
func TestRemovingFromNothingCreatesNothing(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	resp := visit(m, "", func(s *msm.Session) {
		s.Delete("a")
		s.Clear()
		s.Destroy()
		if err := s.Renew(); err != nil {
			t.Error(err)
		}
	})
	if len(resp.Header["Set-Cookie"]) > 0 || m.Stats().Saves > 0 {
		t.Errorf("%v %+v", resp.Header, m.Stats())
	}
}

// TestBadValues checks that a value that cannot be stored is one clear error that names it, and that what is stored
// stays as it was.
func TestBadValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*msm.Session)
		want string
	}{
		"cannot be encoded":      {func(s *msm.Session) { s.Set("f", func() {}) }, `attribute "f" as func()`},
		"too large":              {func(s *msm.Session) { s.Set("a", strings.Repeat("x", 300<<10)) }, "session too large"},
		"a name that is empty":   {func(s *msm.Session) { s.Set("", 1) }, "name"},
		"a name of 70,000 bytes": {func(s *msm.Session) { s.Set(strings.Repeat("n", 70_000), 1) }, "name"},
		"an update of another type": {func(s *msm.Session) {
			msm.Update(s, "a", func(n int) int { return n + 1 })
		}, `attribute "a" as int`},
		"an idle timeout of nothing": {func(s *msm.Session) { s.SetIdleTimeout(0) }, "SetIdleTimeout"},
	} {
		for _, transcoder := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
			t.Run(name+", "+transcoder.Name(), func(t *testing.T) {
				var got error
				m := newManager(t, msm.Config{Transcoder: transcoder, ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
					got = err
					w.WriteHeader(503)
				}})
				id := begin(t, m, func(s *msm.Session) { s.Set("a", "old") })
				resp := visit(m, id, func(s *msm.Session) {
					s.Set("b", 1)
					c.set(s)
				})
				if resp.StatusCode != 503 || got == nil || !strings.Contains(got.Error(), c.want) {
					t.Errorf("%d, %v; want an error with %q", resp.StatusCode, got, c.want)
				}
				visit(m, id, func(s *msm.Session) {
					if msm.Get[string](s, "a") != "old" || len(s.Keys()) != 1 {
						t.Errorf("what was stored is not intact: %v", s.Keys())
					}
				})
			})
		}
	}
}

func TestTooLargeIsToldApart(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{MaxSessionSize: 1000, ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		if !errors.Is(err, msm.ErrTooLarge) {
			t.Error(err)
		}
	}})
	visit(m, "", func(s *msm.Session) { s.Set("a", strings.Repeat("x", 1000)) })
}

func TestAWrongTypeOnReadIsKept(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { s.Set("a", "text") })
	visit(m, id, func(s *msm.Session) {
		var wrong *msm.AttributeError
		if v, ok, err := msm.Lookup[int](s, "a"); v != 0 || !ok || !errors.As(err, &wrong) || wrong.Name != "a" || wrong.Type != "int" {
			t.Errorf("%v %v %v", v, ok, err)
		}
		if msm.Get[int](s, "a") != 0 || s.Err() != nil {
			t.Error("Get of a wrong type")
		}
		s.Set("b", 1)
	})
	visit(m, id, func(s *msm.Session) {
		if msm.Get[string](s, "a") != "text" {
			t.Error("the value was not kept")
		}
	})
}

// TestParallelRequestsLoseNothing: F-23, G5, without any lock.
func TestParallelRequestsLoseNothing(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	instances := []*msm.Manager{newManager(t, msm.Config{Nodes: list}), newManager(t, msm.Config{Nodes: list})}
	id := begin(t, instances[0], func(s *msm.Session) { s.Set("first", true) })
	const n = 50
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			resp := visit(instances[i%2], id, func(s *msm.Session) {
				s.Set(fmt.Sprintf("a%d", i), i)
				add(s)
			})
			if resp.StatusCode != 200 {
				t.Errorf("request %d: %d", i, resp.StatusCode)
			}
		})
	}
	all.Wait()
	visit(instances[0], id, func(s *msm.Session) {
		if len(s.Keys()) != n+2 || count.Get(s) != n {
			t.Errorf("%d of %d attributes, count %d of %d", len(s.Keys())-2, n, count.Get(s), n)
		}
	})
}

// TestRenewTakesAlongWhatOthersStoreMeanwhile checks that a request that runs during a login does not lose its change.
func TestRenewTakesAlongWhatOthersStoreMeanwhile(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { s.Set("a", 1) })
	resp := visit(m, id, func(login *msm.Session) {
		if err := login.Renew(); err != nil {
			t.Error(err)
		}
		login.Set("user", "ann")
		visit(m, id, func(s *msm.Session) { s.Set("b", 2) })
	})
	visit(m, sessionCookies(resp)[0].Value, func(s *msm.Session) {
		if !slices.Equal(s.Keys(), []string{"a", "b", "user"}) {
			t.Errorf("%v", s.Keys())
		}
	})
}

// TestLogoutBeatsWhatBeganBefore: F-24, F-25. Neither a slow writer nor a login brings a destroyed session back.
func TestLogoutBeatsWhatBeganBefore(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]func(*msm.Session){
		"a slow writer": func(s *msm.Session) { add(s) },
		"a login":       func(s *msm.Session) { _ = s.Renew() },
	} {
		t.Run(name, func(t *testing.T) {
			var got error
			m := newManager(t, msm.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { got = err }})
			id := begin(t, m, func(s *msm.Session) { s.Set("a", 1) })
			resp := visit(m, id, func(s *msm.Session) {
				visit(m, id, func(s *msm.Session) { s.Destroy() })
				slow(s)
			})
			if !errors.Is(got, msm.ErrGone) || len(resp.Header["Set-Cookie"]) > 0 {
				t.Errorf("%v %v", got, resp.Header)
			}
			visit(m, id, func(s *msm.Session) {
				if !s.IsNew() {
					t.Error("it came back")
				}
			})
		})
	}
}

func TestRollingDeployToAnotherTranscoder(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	before := newManager(t, msm.Config{Nodes: list, Transcoder: transcoder.Gob()})
	after := newManager(t, msm.Config{Nodes: list, ReadTranscoders: []transcoder.Transcoder{transcoder.Gob()}})
	rash := newManager(t, msm.Config{Nodes: list})
	id := begin(t, before, func(s *msm.Session) { s.Set("a", 1) })
	visit(after, id, func(s *msm.Session) {
		if msm.Get[int](s, "a") != 1 {
			t.Error("not readable")
		}
		s.Set("b", 2)
	})
	if resp := visit(rash, id, func(s *msm.Session) {}); resp.StatusCode != 500 || len(resp.Header["Set-Cookie"]) > 0 {
		t.Errorf("an instance that cannot read it answers %d %v", resp.StatusCode, resp.Header)
	}
	visit(before, id, func(s *msm.Session) {
		if msm.Get[int](s, "b") != 2 {
			t.Error("the old instance cannot read what the new one stored")
		}
	})
}

func TestClosedManager(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	if err := m.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if resp := visit(m, "", func(*msm.Session) { t.Error("served") }); resp.StatusCode != 503 {
		t.Errorf("%d", resp.StatusCode)
	}
	if err := m.SetNodes("a:1", ""); !errors.Is(err, msm.ErrClosed) {
		t.Error(err)
	}
}
