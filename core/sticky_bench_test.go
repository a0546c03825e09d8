package msm_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
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
