package msm_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// pairs make two instances on two real nodes, for tests that are the same in all modes.
var pairs = map[string]func(t *testing.T) []*msm.Manager{
	"two instances": func(t *testing.T) []*msm.Manager {
		list, _ := startServers(t, 2)
		return []*msm.Manager{newManager(t, msm.Config{Nodes: list}), newManager(t, msm.Config{Nodes: list})}
	},
	"two instances that lock": func(t *testing.T) []*msm.Manager {
		list, _ := startServers(t, 2)
		config := msm.Config{Nodes: list, Locking: msm.LockAll, LockWait: patience, LockExpiry: time.Hour}
		return []*msm.Manager{newManager(t, config), newManager(t, config)}
	},
	"one sticky instance, sync": func(t *testing.T) []*msm.Manager {
		list, _ := startServers(t, 2)
		return []*msm.Manager{newManager(t, msm.Config{Nodes: list, Sticky: true, BackupSync: true})}
	},
	"one sticky instance, async": func(t *testing.T) []*msm.Manager {
		list, _ := startServers(t, 2)
		return []*msm.Manager{newManager(t, msm.Config{Nodes: list, Sticky: true})}
	},
}

// TestReadOnce checks that of 50 requests at the same time one gets the value.
func TestReadOnce(t *testing.T) {
	t.Parallel()
	token := msm.NewKey[string]("token")
	for name, c := range map[string]struct {
		put  func(s *msm.Session)
		take func(s *msm.Session) string
	}{
		"Pop": {
			func(s *msm.Session) { token.Set(s, "secret") },
			func(s *msm.Session) string { return token.Pop(s) },
		},
		"flashes": {
			func(s *msm.Session) { s.AddFlash("saved"); s.AddFlash("sent") },
			func(s *msm.Session) string { return strings.Join(s.Flashes(), ",") },
		},
		"a Pop among other changes": {
			func(s *msm.Session) { token.Set(s, "secret"); count.Set(s, 1) },
			func(s *msm.Session) string { add(s); defer s.Set("b", 1); return token.Pop(s) },
		},
	} {
		for mode, instances := range pairs {
			t.Run(name+", "+mode, func(t *testing.T) {
				m := instances(t)
				id := begin(t, m[0], c.put)
				var mu sync.Mutex
				var got []string
				parallel(50, func(i int) {
					resp := visit(m[i%len(m)], id, func(s *msm.Session) {
						if value := c.take(s); value != "" {
							mu.Lock()
							got = append(got, value)
							mu.Unlock()
						}
					})
					if resp.StatusCode != 200 {
						t.Errorf("request %d: %d", i, resp.StatusCode)
					}
				})
				want := "secret"
				if name == "flashes" {
					want = "saved,sent"
				}
				if !slices.Equal(got, []string{want}) {
					t.Errorf("%q; want %q once", got, want)
				}
				visit(m[0], id, func(s *msm.Session) {
					if s.Has("token") || s.Has("_flash") || name == "a Pop among other changes" && count.Get(s) != 51 {
						t.Errorf("left %v, count %d", s.Keys(), count.Get(s))
					}
				})
			})
		}
	}
}

// TestFlashesOfParallelRequestsAreAllSeen checks that messages added while others are read are kept for the next page.
func TestFlashesOfParallelRequestsAreAllSeen(t *testing.T) {
	t.Parallel()
	for mode, instances := range pairs {
		t.Run(mode, func(t *testing.T) {
			m := instances(t)
			id := begin(t, m[0], func(s *msm.Session) { s.Set("a", 1) })
			var mu sync.Mutex
			seen := map[string]int{}
			read := func(s *msm.Session) {
				list := s.Flashes()
				mu.Lock()
				defer mu.Unlock()
				for _, f := range list {
					seen[f]++
				}
			}
			parallel(40, func(i int) {
				visit(m[i%len(m)], id, func(s *msm.Session) {
					if i%2 == 0 {
						s.AddFlash(fmt.Sprint("message ", i))
					} else {
						read(s)
					}
				})
			})
			visit(m[0], id, read)
			for i := 0; i < 40; i += 2 {
				if n := seen[fmt.Sprint("message ", i)]; n != 1 {
					t.Errorf("message %d was seen %d times", i, n)
				}
			}
		})
	}
}

func TestPop(t *testing.T) {
	t.Parallel()
	a := msm.NewKey[[]string]("a")
	for name, c := range map[string]struct {
		before, request func(s *msm.Session) // run in an earlier request, and before Pop in its request
		got             []string             // what Pop returns
		left            []string             // names of the attributes after it
		saves           uint64               // of the request with Pop
	}{
		"what was stored":           {func(s *msm.Session) { a.Set(s, []string{"x"}) }, nil, []string{"x"}, nil, 1},
		"nothing is there":          {func(s *msm.Session) { s.Set("b", 1) }, nil, nil, []string{"b"}, 0},
		"no session":                {func(*msm.Session) {}, nil, nil, nil, 0},
		"what this request has set": {func(s *msm.Session) { s.Set("b", 1) }, func(s *msm.Session) { a.Set(s, []string{"x"}) }, []string{"x"}, []string{"b"}, 1},
		"what this request has added to": {
			func(s *msm.Session) { a.Set(s, []string{"x"}) },
			func(s *msm.Session) { a.Update(s, func(l []string) []string { return append(l, "y") }) }, []string{"x", "y"}, nil, 1,
		},
		"what this request has cleared":         {func(s *msm.Session) { a.Set(s, []string{"x"}) }, (*msm.Session).Clear, nil, nil, 1},
		"what this request has destroyed":       {func(s *msm.Session) { a.Set(s, []string{"x"}) }, (*msm.Session).Destroy, nil, nil, 1},
		"after a Renew":                         {func(s *msm.Session) { a.Set(s, []string{"x"}) }, func(s *msm.Session) { _ = s.Renew() }, []string{"x"}, nil, 2},
		"other changes are stored with the end": {func(s *msm.Session) { a.Set(s, []string{"x"}) }, func(s *msm.Session) { s.Set("b", 1) }, []string{"x"}, []string{"b"}, 2},
		"what has another type is kept":         {func(s *msm.Session) { s.Set("a", "text") }, nil, nil, []string{"a"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, msm.Config{})
			id := ""
			for _, cookie := range sessionCookies(visit(m, "", c.before)) {
				id = cookie.Value
			}
			saves := m.Stats().Saves
			resp := visit(m, id, func(s *msm.Session) {
				if c.request != nil {
					c.request(s)
				}
				if got := a.Pop(s); !slices.Equal(got, c.got) || a.Pop(s) != nil {
					t.Errorf("%q; want %q, and then nothing", got, c.got)
				}
			})
			visit(m, idOf(resp, id), func(s *msm.Session) {
				if !slices.Equal(s.Keys(), c.left) {
					t.Errorf("left %q; want %q", s.Keys(), c.left)
				}
			})
			if n := m.Stats().Saves - saves; n != c.saves || resp.StatusCode != 200 {
				t.Errorf("%d saves, want %d; status %d", n, c.saves, resp.StatusCode)
			}
		})
	}
}

// TestPopOfARequestThatFails checks that the value is gone, and that the request's other changes are not stored.
func TestPopOfARequestThatFails(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	a := msm.NewKey[string]("a")
	id := begin(t, m, func(s *msm.Session) { a.Set(s, "x") })
	func() {
		defer func() { _ = recover() }()
		visit(m, id, func(s *msm.Session) { s.Set("b", 1); a.Pop(s); panic("oops") })
	}()
	visit(m, id, func(s *msm.Session) {
		if len(s.Keys()) != 0 {
			t.Errorf("left %q", s.Keys())
		}
	})
}

// TestPopAfterTheResponseBegan checks that the removal is stored then, too.
func TestPopAfterTheResponseBegan(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	id := begin(t, m, func(s *msm.Session) { s.AddFlash("saved") })
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun ")
		_, _ = io.WriteString(w, strings.Join(msm.From(r.Context()).Flashes(), ","))
	}))
	for _, want := range []string{"begun saved", "begun "} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "SESSION="+id)
		h.ServeHTTP(w, r)
		if w.Body.String() != want {
			t.Errorf("%q; want %q", w.Body, want)
		}
	}
}
