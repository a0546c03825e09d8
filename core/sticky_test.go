package msm_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// stickyConfigs are the modes of tests that are the same in both.
var stickyConfigs = map[string]msm.Config{
	"async": {Sticky: true, Route: "a"},
	"sync":  {Sticky: true, Route: "a", BackupSync: true},
}

// written waits until a sticky instance has stored everything.
func written(t testing.TB, m *msm.Manager) {
	t.Helper()
	waitFor(t, "the write-behind", func() bool {
		l := m.Stats().Local
		return l.PendingChanges == 0 && l.PendingSessions == 0
	})
}

// state waits until a manager has a node in the wanted state.
func state(t testing.TB, m *msm.Manager, node string, want msm.NodeState) {
	t.Helper()
	waitFor(t, node+" "+string(want), func() bool {
		for _, n := range m.Stats().Nodes {
			if n.ID == node {
				return n.State == want
			}
		}
		return false
	})
}

// idOf returns the id that a client with that cookie has after a response.
func idOf(w *http.Response, before string) string {
	for _, c := range sessionCookies(w) {
		return c.Value
	}
	return before
}

func TestStickySession(t *testing.T) {
	t.Parallel()
	read := func(s *msm.Session) { count.Get(s) }
	for name, test := range map[string]func(t *testing.T, config msm.Config){
		"the cookie is set once, and names this instance": func(t *testing.T, config msm.Config) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			if !strings.HasSuffix(id, ".a") {
				t.Errorf("id %s", id)
			}
			for range 3 {
				if w := visit(m, id, func(s *msm.Session) { add(s) }); len(sessionCookies(w)) > 0 {
					t.Error("a cookie is set again")
				}
			}
		},
		"a new id at login: the values go on, the old id is dead, here and elsewhere": func(t *testing.T, config msm.Config) {
			config.Nodes, _ = startServers(t, 2)
			m := newManager(t, config)
			old := begin(t, m, func(s *msm.Session) { add(s) })
			fresh := ""
			w := visit(m, old, func(s *msm.Session) {
				if err := s.Renew(); err != nil {
					t.Error(err)
				}
				add(s)
				fresh = s.ID()
			})
			if cookies := sessionCookies(w); len(cookies) != 1 || cookies[0].Value != fresh {
				t.Errorf("cookies %v; the id is %s", cookies, fresh)
			}
			config.Route = "b"
			other := newManager(t, config)
			for _, x := range []*msm.Manager{m, other} {
				visit(x, old, func(s *msm.Session) {
					if !s.IsNew() {
						t.Error("the old id lives")
					}
				})
				visit(x, fresh, func(s *msm.Session) {
					if count.Get(s) != 2 {
						t.Errorf("count %d", count.Get(s))
					}
				})
			}
		},
		"a logout is final, here and elsewhere": func(t *testing.T, config msm.Config) {
			config.Nodes, _ = startServers(t, 2)
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			if w := visit(m, id, func(s *msm.Session) { s.Destroy() }); len(sessionCookies(w)) != 1 || sessionCookies(w)[0].MaxAge >= 0 {
				t.Error("the cookie is not removed")
			}
			config.Route = "b"
			for _, x := range []*msm.Manager{m, newManager(t, config)} {
				visit(x, id, func(s *msm.Session) {
					if !s.IsNew() {
						t.Error("it lives")
					}
				})
			}
		},
		"after a logout a new session may begin in the same request": func(t *testing.T, config msm.Config) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			fresh := sessionCookies(visit(m, id, func(s *msm.Session) { s.Destroy(); add(s) }))[0].Value
			visit(m, fresh, func(s *msm.Session) {
				if fresh == id || count.Get(s) != 1 {
					t.Errorf("count %d", count.Get(s))
				}
			})
		},
		"50 parallel requests set 50 attributes": func(t *testing.T, config msm.Config) {
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			parallel(50, func(i int) { visit(m, id, func(s *msm.Session) { s.Set(fmt.Sprint("a", i), i) }) })
			visit(m, id, func(s *msm.Session) {
				if n := len(s.Keys()); n != 51 {
					t.Errorf("%d attributes", n)
				}
			})
		},
		"50 parallel Updates of a counter are 50": func(t *testing.T, config msm.Config) {
			config.Nodes, _ = startServers(t, 1)
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			parallel(50, func(int) { visit(m, id, func(s *msm.Session) { add(s) }) })
			written(t, m)
			config.Route = "b"
			for _, x := range []*msm.Manager{m, newManager(t, config)} {
				visit(x, id, func(s *msm.Session) {
					if n := count.Get(s); n != 51 {
						t.Errorf("count %d", n)
					}
				})
			}
		},
		"a visitor with parallel requests meets a balancer that changes its mind": func(t *testing.T, config msm.Config) {
			config.Nodes, _ = startServers(t, 2)
			a := newManager(t, config)
			config.Route = "b"
			b := newManager(t, config)
			id := begin(t, a, func(s *msm.Session) { add(s) })
			written(t, a) // until then no other instance knows the session
			var done atomic.Int64
			parallel(8, func(i int) {
				mine := id
				for n := range 25 {
					m := []*msm.Manager{a, b}[(i+n/5)%2]
					w := visit(m, mine, func(s *msm.Session) { add(s); s.Set(fmt.Sprint(i, "-", n), true) })
					if w.StatusCode == http.StatusOK {
						done.Add(1)
					}
					mine = idOf(w, mine)
				}
			})
			if done.Load() != 200 {
				t.Errorf("%d of 200 answered", done.Load())
			}
			written(t, a)
			written(t, b)
			config.Route = "c"
			visit(newManager(t, config), id, func(s *msm.Session) {
				if n := count.Get(s); n != 201 || len(s.Keys()) != 201 {
					t.Errorf("count %d, %d attributes", n, len(s.Keys()))
				}
			})
		},
		"attributes that stay here are there, and nowhere else": func(t *testing.T, config msm.Config) {
			config.Nodes, _ = startServers(t, 1)
			config.AttributeFilter = regexp.MustCompile(`^local\.`)
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s); s.Set("local.x", 1) })
			visit(m, id, func(s *msm.Session) { add(s) })
			written(t, m)
			visit(m, id, func(s *msm.Session) {
				if !s.Has("local.x") || count.Get(s) != 2 {
					t.Errorf("%v", s.Keys())
				}
			})
			config.Route = "b"
			visit(newManager(t, config), id, func(s *msm.Session) {
				if s.Has("local.x") || count.Get(s) != 2 {
					t.Errorf("elsewhere: %v", s.Keys())
				}
			})
		},
		"a change that is too large is refused with 500, and nothing of it stays": func(t *testing.T, config msm.Config) {
			config.MaxSessionSize = 1000
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			w := visit(m, id, func(s *msm.Session) { add(s); s.Set("big", strings.Repeat("x", 2000)) })
			if w.StatusCode != http.StatusInternalServerError {
				t.Errorf("status %d", w.StatusCode)
			}
			visit(m, id, func(s *msm.Session) {
				if count.Get(s) != 1 || s.Has("big") {
					t.Errorf("%v", s.Keys())
				}
			})
		},
		"a stored session of an unknown transcoder is no reason to log anyone out": func(t *testing.T, config msm.Config) {
			config.Nodes, _ = startServers(t, 1)
			id := begin(t, newManager(t, msm.Config{Nodes: config.Nodes, Transcoder: foreign{}}), func(s *msm.Session) { s.Set("a", 1) })
			m := newManager(t, config)
			for range 2 {
				if w := visit(m, id, read); w.StatusCode != http.StatusInternalServerError || len(sessionCookies(w)) > 0 {
					t.Errorf("status %d", w.StatusCode)
				}
			}
		},
		"without any node nothing changes for the visitor": func(t *testing.T, config msm.Config) {
			list, servers := startServers(t, 2)
			config.Nodes = list
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			written(t, m)
			for node, server := range servers {
				server.Kill()
				state(t, m, node, msm.NodeDown)
			}
			for n := 2; n <= 4; n++ {
				w := visit(m, id, func(s *msm.Session) {
					if add(s) != n {
						t.Errorf("count %d; want %d", count.Get(s), n)
					}
				})
				if w.StatusCode != 200 || len(sessionCookies(w)) > 0 {
					t.Errorf("status %d, cookies %v", w.StatusCode, sessionCookies(w))
				}
			}
			for node, server := range servers {
				server.Restart()
				state(t, m, node, msm.NodeUp)
			}
			written(t, m)
		},
		"nodes change at run time: a session of a node that is gone gets another one": func(t *testing.T, config msm.Config) {
			list, servers := startServers(t, 2)
			config.Nodes, config.FailoverNodes = "n1:"+servers["n1"].Addr(), ""
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			if err := m.SetNodes(list, "n2"); err != nil { // MSM's ReconfigureMemcachedNodesAtRuntimeFeature46
				t.Fatal(err)
			}
			if w := visit(m, id, func(s *msm.Session) { add(s) }); len(sessionCookies(w)) > 0 {
				t.Error("an added node moved a session")
			}
			if err := m.SetNodes("n2:"+servers["n2"].Addr(), ""); err != nil {
				t.Fatal(err)
			}
			w := visit(m, id, func(s *msm.Session) { add(s) })
			now := idOf(w, id)
			if !strings.HasSuffix(now, "-n2.a") {
				t.Errorf("id %s", now)
			}
			written(t, m)
			config.Nodes, config.Route = "n2:"+servers["n2"].Addr(), "b"
			visit(newManager(t, config), now, func(s *msm.Session) {
				if count.Get(s) != 3 {
					t.Errorf("count %d", count.Get(s))
				}
			})
		},
		"failover nodes change at run time: new sessions follow": func(t *testing.T, config msm.Config) {
			list, _ := startServers(t, 3)
			config.Nodes, config.FailoverNodes = list, "n2,n3"
			m := newManager(t, config)
			if id := begin(t, m, func(s *msm.Session) { add(s) }); !strings.HasSuffix(id, "-n1.a") {
				t.Errorf("id %s", id)
			}
			if err := m.SetNodes(list, "n1,n2"); err != nil { // MSM's ReconfigureFailoverNodesAtRuntimeFeature46
				t.Fatal(err)
			}
			if id := begin(t, m, func(s *msm.Session) { add(s) }); !strings.HasSuffix(id, "-n3.a") {
				t.Errorf("id %s", id)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, config := range stickyConfigs {
				t.Run(mode, func(t *testing.T) {
					t.Parallel()
					test(t, config)
				})
			}
		})
	}
}

func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// foreign is a transcoder that no other program knows.
type foreign struct{}

func (foreign) Name() string                    { return "other" }
func (foreign) Marshal(any) ([]byte, error)     { return []byte("x"), nil }
func (foreign) Unmarshal(_ []byte, _ any) error { return nil }

// TestStickyBounds checks that a session that finds no room in memory is refused with 503, and that no other session is
// lost for it.
func TestStickyBounds(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 1)
	var failed atomic.Value
	m := newManager(t, msm.Config{
		Nodes: list, Sticky: true, MaxLocalSessions: 3,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			failed.Store(err)
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	})
	servers["n1"].Kill()
	state(t, m, "n1", msm.NodeDown)
	var ids []string
	for range 3 {
		ids = append(ids, begin(t, m, func(s *msm.Session) { add(s) }))
	}
	w := visit(m, "", func(s *msm.Session) { add(s) })
	err, _ := failed.Load().(error)
	if w.StatusCode != http.StatusServiceUnavailable || !errors.Is(err, msm.ErrFull) || len(sessionCookies(w)) > 0 {
		t.Errorf("status %d, %v", w.StatusCode, err)
	}
	for _, id := range ids {
		visit(m, id, func(s *msm.Session) {
			if count.Get(s) != 1 {
				t.Error("a session got lost")
			}
		})
	}
	servers["n1"].Restart()
	state(t, m, "n1", msm.NodeUp)
	written(t, m)
	begin(t, m, func(s *msm.Session) { add(s) })
	if l := m.Stats().Local; l.Sessions != 3 || l.Evictions != 1 {
		t.Errorf("%+v", l)
	}
}

// TestStickyBytesFollowTheMemoryLimit checks that the default of MaxLocalBytes is a quarter of the runtime's limit.
func TestStickyBytesFollowTheMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(128 << 20))
	list, _ := startServers(t, 1)
	m := newManager(t, msm.Config{Nodes: list, Sticky: true})
	for range 1500 { // 45 MiB
		visit(m, "", func(s *msm.Session) { s.Set("a", make([]byte, 30<<10)) })
	}
	written(t, m)
	if l := m.Stats().Local; l.Bytes > 32<<20 || l.Bytes < 30<<20 || l.Evictions == 0 {
		t.Errorf("%+v", l)
	}
}

func TestStickyClose(t *testing.T) {
	t.Parallel()
	list, servers := startServers(t, 1)
	config := msm.Config{Nodes: list, Sticky: true, Logger: quiet, OpTimeout: opTimeout}
	m, err := msm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	id := begin(t, m, func(s *msm.Session) { add(s) })
	if err := m.Close(context.Background()); err != nil {
		t.Error(err)
	}
	m, _ = msm.New(config)
	resp := visit(m, id, func(s *msm.Session) {
		if add(s) != 2 {
			t.Error("it was not stored")
		}
	})
	written(t, m)
	servers["n1"].Kill()
	visit(m, idOf(resp, id), func(s *msm.Session) { add(s) })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	unsaved := (*msm.UnsavedError)(nil)
	if err := m.Close(ctx); !errors.As(err, &unsaved) || unsaved.Sessions != 1 {
		t.Errorf("%v", err)
	}
}

// TestStickyOnTheWire counts the commands that a request sends to real memcached.
func TestStickyOnTheWire(t *testing.T) {
	t.Parallel()
	w := startWire(t, msm.Config{Sticky: true, Route: "a", IdleTimeout: time.Hour})
	w.do("POST", "/write")
	waitFor(t, "the session is stored", func() bool { return len(w.session()) == 1 })
	w.reset()
	for range 100 {
		w.do("GET", "/read")
	}
	if got := w.session(); len(got) > 0 {
		t.Errorf("100 reads: %v", got)
	}
	w.do("POST", "/write")
	written(t, w.manager)
	if got := fmt.Sprint(w.session()); got != "[cas gets]" {
		t.Errorf("a write: %s", got)
	}

	other := w.another(msm.Config{Sticky: true, Route: "b", IdleTimeout: time.Hour})
	other.browser.Jar.SetCookies(mustURL(other.URL), w.browser.Jar.Cookies(mustURL(w.URL)))
	w.reset()
	if _, body := other.do("GET", "/read"); body != "2" {
		t.Errorf("count %s", body)
	}
	if got := fmt.Sprint(w.session()); got != "[cas gets]" {
		t.Errorf("a takeover: %s; want one load and one write", got)
	}
}

// TestATakeoverIsOneOverHTTP has a browser that sends several requests at once with the cookie of the former instance,
// and an API's client that keeps the id that it got first, in a header.
func TestATakeoverIsOneOverHTTP(t *testing.T) {
	for name, sync := range map[string]bool{"sync": true, "async": false} {
		t.Run(name, func(t *testing.T) {
			list, _ := startServers(t, 2)
			config := msm.Config{Nodes: list, Sticky: true, BackupSync: sync, Header: "X-Session"}
			config.Route = "a"
			former := newManager(t, config)
			config.Route = "b"
			present := newManager(t, config)
			id := begin(t, former, func(s *msm.Session) { count.Set(s, 0) })
			written(t, former)
			parallel(6, func(int) {
				if resp := visit(present, id, func(s *msm.Session) { add(s) }); resp.StatusCode != 200 {
					t.Errorf("%d", resp.StatusCode)
				}
			})
			h := counting(present)
			for range 6 {
				if resp := exchange(h, "POST", "/", func(r *http.Request) { r.Header.Set("X-Session", id) }); resp.StatusCode != 200 {
					t.Errorf("%d", resp.StatusCode)
				}
			}
			if n := present.Stats().Local.Takeovers; n != 1 {
				t.Errorf("%d takeovers", n)
			}
			visit(present, id, func(s *msm.Session) {
				if n := count.Get(s); n != 12 {
					t.Errorf("counted %d of 12", n)
				}
			})
		})
	}
}

// down is how long TestNoNodeAtFullLoad keeps every node down.
var down = flag.Duration("down", time.Second/2, "how long TestNoNodeAtFullLoad keeps every node down; make soak: 1m")

// TestNoNodeAtFullLoad: G9. With every node down and 64 visitors at full speed, memory, goroutines and queue stay
// bounded, and return to what they were.
func TestNoNodeAtFullLoad(t *testing.T) {
	list, servers := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, Sticky: true})
	h := counting(m)
	var ids []string
	for range 1000 {
		ids = append(ids, begin(t, m, func(s *msm.Session) { add(s) }))
	}
	written(t, m)
	load := func(d time.Duration) (requests int64) {
		var n atomic.Int64
		end := time.Now().Add(d)
		parallel(64, func(i int) {
			for k := i; time.Now().Before(end); k += 64 {
				req := httptest.NewRequest("POST", "/", nil)
				req.Header.Set("Cookie", "SESSION="+ids[k%len(ids)])
				w := httptest.NewRecorder()
				h.ServeHTTP(w, req)
				if w.Code != http.StatusOK {
					t.Errorf("status %d", w.Code)
					return
				}
				n.Add(1)
			}
		})
		return n.Load()
	}
	load(*down / 4) // so that everything has grown to its size
	written(t, m)
	heapBefore, goroutinesBefore := heap(), runtime.NumGoroutine()
	for node, server := range servers {
		server.Kill()
		state(t, m, node, msm.NodeDown)
	}
	requests := load(*down)
	if l := m.Stats().Local; l.PendingSessions > len(ids) || l.Clashes > 0 {
		t.Errorf("%+v", l)
	}
	during, goroutinesDuring := heap(), runtime.NumGoroutine()
	for node, server := range servers {
		server.Restart()
		state(t, m, node, msm.NodeUp)
	}
	written(t, m)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	heapAfter, goroutinesAfter := heap(), runtime.NumGoroutine()
	t.Logf("%d requests; heap %d, %d, %d KiB; goroutines %d, %d, %d", requests,
		heapBefore>>10, during>>10, heapAfter>>10, goroutinesBefore, goroutinesDuring, goroutinesAfter)
	const room = 16 << 20 // 16 KiB for each session
	if during > heapBefore+room || heapAfter > heapBefore+room/4 {
		t.Errorf("heap %d, %d, %d", heapBefore, during, heapAfter)
	}
	if goroutinesDuring > goroutinesBefore+10 || goroutinesAfter > goroutinesBefore+10 {
		t.Errorf("goroutines %d, %d, %d", goroutinesBefore, goroutinesDuring, goroutinesAfter)
	}
}

// BenchmarkThroughput measures 64 clients on loopback, each with a session and a connection of its own, against the
// same requests to the same handler without sessions, in turn within one run.
func BenchmarkThroughput(b *testing.B) {
	list, _ := startServers(b, 2)
	m := newManager(b, msm.Config{Nodes: list, Sticky: true})
	for range 10_000 { // as many as a server would have
		begin(b, m, func(s *msm.Session) { s.Set("a", make([]byte, 1024)) })
	}
	var n atomic.Int64
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			fmt.Fprint(w, n.Add(1))
		} else {
			fmt.Fprint(w, n.Load())
		}
	})
	for name, method := range map[string]string{"reads": "GET", "writes": "POST"} {
		b.Run(name, func(b *testing.B) {
			with, without := newLoad(b, m, counting(m)), newLoad(b, m, bare)
			var x, y int64
			for b.Loop() {
				y += without.run(b, method, 200*time.Millisecond)
				x += with.run(b, method, 200*time.Millisecond)
			}
			b.ReportMetric(float64(x)/float64(y), "of-bare")
		})
	}
}

// load is 64 clients, each with a connection and a session.
type load struct {
	url     string
	cookies []string
	clients []*http.Client
}

func newLoad(b *testing.B, m *msm.Manager, h http.Handler) *load {
	server := httptest.NewServer(h)
	b.Cleanup(server.Close)
	l := &load{url: server.URL}
	for range 64 {
		l.cookies = append(l.cookies, "SESSION="+begin(b, m, func(s *msm.Session) { add(s) }))
		l.clients = append(l.clients, &http.Client{Transport: &http.Transport{}})
	}
	return l
}

// run returns how many requests were answered within d.
func (l *load) run(b *testing.B, method string, d time.Duration) int64 {
	var n atomic.Int64
	end := time.Now().Add(d)
	parallel(len(l.clients), func(i int) {
		for time.Now().Before(end) {
			req, _ := http.NewRequest(method, l.url, nil)
			req.Header.Set("Cookie", l.cookies[i])
			resp, err := l.clients[i].Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			n.Add(1)
		}
	})
	return n.Load()
}
