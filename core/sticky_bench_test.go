package msm_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// BenchmarkSticky measures what a session in this instance's memory costs a request, beside the bare handler.
func BenchmarkSticky(b *testing.B) {
	for name, handler := range map[string]func(*msm.Session){
		"untouched": func(*msm.Session) {},
		"read":      func(s *msm.Session) { count.Get(s) },
		"write":     func(s *msm.Session) { add(s) },
	} {
		b.Run(name, func(b *testing.B) {
			x := newStickyBench(b, handler)
			x.run(b, x.handler)
		})
	}
	b.Run("bare handler", func(b *testing.B) {
		x := newStickyBench(b, func(*msm.Session) {})
		x.run(b, x.bare)
	})
}

func newStickyBench(b testing.TB, handler func(*msm.Session)) *bench {
	return newBenchOf(b, msm.Config{Sticky: true}, handler)
}

// TestStickyAllocations checks the budget of allocations beyond those of the bare handler.
func TestStickyAllocations(t *testing.T) {
	needExactCounts(t)
	for name, c := range map[string]struct {
		most    uint64
		handler func(*msm.Session)
	}{
		"a read of one attribute":    {10, func(s *msm.Session) { count.Get(s) }},
		"a write of one attribute":   {16, func(s *msm.Session) { count.Set(s, count.Get(s)+1) }},
		"an update of one attribute": {48, func(s *msm.Session) { add(s) }}, // stored before the response
	} {
		t.Run(name, func(t *testing.T) {
			x := newStickyBench(t, c.handler)
			w := &discard{http.Header{}}
			with := leastAllocs(1000, func() { x.handler.ServeHTTP(w, x.request) })
			t.Logf("%v allocations more than the bare handler, which has none", with)
			if with > c.most {
				t.Errorf("%v allocations; at most %v", with, c.most)
			}
		})
	}
}

// BenchmarkMemory measures the heap that a session of 1 KiB takes in memory.
func BenchmarkMemory(b *testing.B) {
	const sessions = 100_000
	for b.Loop() {
		list, _ := startServers(b, 1)
		m := newManager(b, msm.Config{Nodes: list, Sticky: true, IdleTimeout: time.Hour})
		h := m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			msm.From(r.Context()).Set("a", strings.Repeat("x", 1024))
		}))
		before := heap()
		req, _ := http.NewRequest("POST", "/", nil)
		for range sessions {
			h.ServeHTTP(&discard{http.Header{}}, req)
		}
		waitFor(b, "the write-behind", func() bool { return m.Stats().Local.PendingSessions == 0 })
		b.ReportMetric(float64(heap()-before)/sessions, "B/session")
		if n := m.Stats().Local.Sessions; n != sessions {
			b.Fatal(fmt.Sprint(n, " sessions"))
		}
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
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
