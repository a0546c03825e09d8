package msm

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// split is two instances on three nodes, with probers, of which the first can be cut off from one node.
type split struct {
	t      *testing.T
	m      [2]*Manager
	cut    [3]atomic.Bool // the first instance's way to each node
	newest string         // the client's cookie
}

func newSplit(t *testing.T, ctx context.Context, probers *sync.WaitGroup) *split {
	s := &split{t: t}
	w := newWorld(t, 3, 0)
	var open atomic.Bool
	for i := range s.m {
		m, err := New(Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		in := w.connect(&instance{t: t}, func(node int) *atomic.Bool {
			if i == 0 {
				return &s.cut[node]
			}
			return &open
		})
		s.m[i] = w.adopt(m, in)
		for _, n := range in.nodes {
			probers.Go(func() { n.Run(ctx) })
		}
	}
	return s
}

// visit is a request with a cookie, which keeps the new one if it came with the newest.
func (s *split) visit(at int, cookie string, f func(*Session)) {
	s.t.Helper()
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", "SESSION="+cookie)
	w := httptest.NewRecorder()
	s.m[at].Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(From(r.Context())) })).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		s.t.Errorf("instance %d: %d", at, w.Code)
	}
	for _, c := range w.Result().Cookies() {
		if cookie == s.newest {
			s.newest = c.Value
		}
	}
}

func (s *split) count(at int, cookie string) (n int) {
	s.visit(at, cookie, func(s *Session) { n = Get[int](s, "n") })
	return n
}

// TestAsymmetricPartition: F-09. One instance is cut off from a session's node, which the other one reaches. With the newest
// cookie nothing is lost and a logout is final; how long the other instance believes an old cookie is measured.
func TestAsymmetricPartition(t *testing.T) {
	add := func(s *Session) { Update(s, "n", func(n int) int { return n + 1 }) }
	for name, logout := range map[string]bool{"counts": false, "a logout": true} {
		for _, lasts := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
			t.Run(name+", cut for "+lasts.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					var probers sync.WaitGroup
					s := newSplit(t, ctx, &probers)
					s.visit(0, "", add)
					old := s.newest
					s.cut[tokenNode(old)].Store(true)
					changed := time.Now()
					if logout {
						s.visit(0, old, func(s *Session) { s.Destroy() })
					} else {
						s.visit(0, old, add)
						if n := s.count(1, s.newest); n != 2 || s.newest == old {
							t.Fatalf("count %d by the newest cookie, which is new: %v", n, s.newest != old)
						}
					}
					want := map[bool]int{false: 2, true: 0}[logout]
					stale := func() bool { return s.count(1, old) != want }
					var during, after time.Duration
					for ; time.Since(changed) < lasts; time.Sleep(10 * time.Millisecond) {
						if stale() {
							during = time.Since(changed)
						}
					}
					s.cut[tokenNode(old)].Store(false)
					ended := time.Now()
					for ; time.Since(ended) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
						if stale() {
							after = time.Since(ended)
						}
					}
					t.Logf("an old cookie is believed for %v while the cut lasts, and for %v after it", during, after)
					if after > proberMax+time.Second {
						t.Errorf("an old cookie is believed for %v after the cut", after)
					}
					if !logout && s.count(0, s.newest) != 2 {
						t.Errorf("count %d by the newest cookie", s.count(0, s.newest))
					}
					cancel()
					probers.Wait()
				})
			})
		}
	}
}

// proberMax is the longest time between looks at a node that is down, with what jitter adds.
const proberMax = 6 * time.Second

// tokenNode is the index of the node that an id names.
func tokenNode(id string) int { return int(id[len(id)-1] - '1') }
