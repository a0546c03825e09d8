package msm_test

import (
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/core/msmtest"
)

// bench is a handler behind the middleware, on real memcached, and a request with a session of one attribute.
type bench struct {
	handler http.Handler
	bare    http.Handler
	request *http.Request
	manager *msm.Manager
	servers map[string]*msmtest.Server
}

func newBench(b testing.TB, handler func(s *msm.Session)) *bench {
	return newBenchOf(b, msm.Config{}, handler)
}

func newBenchOf(b testing.TB, config msm.Config, handler func(s *msm.Session)) *bench {
	list, servers := startServers(b, 2)
	config.Nodes, config.SigningKeys, config.IdleTimeout, config.RefillRate = list, [][]byte{make([]byte, 32)}, time.Hour, msm.NoRefill
	m := newManager(b, config)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") })
	x := &bench{bare: bare, manager: m, servers: servers}
	x.handler = m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler(msm.From(r.Context()))
		bare(w, r)
	}))
	x.request = httptest.NewRequest("GET", "/", nil)
	x.request.Header.Set("Cookie", "SESSION="+begin(b, m, func(s *msm.Session) { add(s) }))
	return x
}

// discard is a response writer that allocates nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header               { return d.header }
func (d *discard) Write(p []byte) (int, error)       { return len(p), nil }
func (d *discard) WriteHeader(int)                   {}
func (d *discard) WriteString(s string) (int, error) { return len(s), nil }

func (x *bench) run(b *testing.B, h http.Handler) {
	w := &discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, x.request)
	}
}

// BenchmarkRequest measures what a session costs a request, as seen from outside the handler.
func BenchmarkRequest(b *testing.B) {
	for name, handler := range map[string]func(*msm.Session){
		"untouched": func(*msm.Session) {},
		"read":      func(s *msm.Session) { count.Get(s) },
		"write":     func(s *msm.Session) { count.Set(s, 1) },
		"update":    func(s *msm.Session) { add(s) },
	} {
		b.Run(name, func(b *testing.B) {
			x := newBench(b, handler)
			x.run(b, x.handler)
		})
	}
	b.Run("bare handler", func(b *testing.B) {
		x := newBench(b, func(*msm.Session) {})
		x.run(b, x.bare)
	})
}

// BenchmarkForged measures a request with a forged id, which costs no command.
func BenchmarkForged(b *testing.B) {
	x := newBench(b, func(s *msm.Session) { count.Get(s) })
	before := x.manager.Stats().Loads
	x.request.Header.Set("Cookie", "SESSION=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-n1")
	x.run(b, x.handler)
	if n := x.manager.Stats().Loads - before; n != 0 {
		b.Errorf("%d looks", n)
	}
}

// BenchmarkReadAgainstGet measures a request that reads one attribute, alternating with a bare gomemcache Get of the
// same record, so that both meet the same load of the machine. read/get is the ratio of their medians.
func BenchmarkReadAgainstGet(b *testing.B) {
	x := newBench(b, func(s *msm.Session) { count.Get(s) })
	format, err := sid.NewFormat("SESSION", [][]byte{make([]byte, 32)}, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	cookie, _ := x.request.Cookie("SESSION")
	id, _, ok := format.Parse(cookie.Value)
	if !ok {
		b.Fatal("not our id")
	}
	key, client := sid.Key("msm:", sid.Record, id.Token), memcache.New(x.servers[id.Node].Addr())
	w := &discard{http.Header{}}
	var gets, reads []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := client.Get(key); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		x.handler.ServeHTTP(w, x.request)
		gets, reads = append(gets, between.Sub(began)), append(reads, time.Since(between))
	}
	slices.Sort(gets)
	slices.Sort(reads)
	get, read := gets[len(gets)/2], reads[len(reads)/2]
	b.ReportMetric(float64(get.Nanoseconds()), "ns/get")
	b.ReportMetric(float64(read.Nanoseconds()), "ns/read")
	b.ReportMetric(float64(read)/float64(get), "read/get")
}

// needExactCounts skips a test of allocation counts under the race detector, which allocates as well. make test runs
// these tests without it.
func needExactCounts(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too; see make allocations")
	}
}

// leastAllocs returns how many allocations a call of f needs: the least of that many calls, each counted by itself. What
// runs at the same time, such as a prober, adds to some of them. An average would have all of that, and more of it the
// longer the calls take beside other programs.
func leastAllocs(calls int, f func()) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	f()
	least := uint64(math.MaxUint64)
	var before, after runtime.MemStats
	for range calls {
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.Mallocs-before.Mallocs)
	}
	return least
}

// TestAllocations checks how many allocations a session adds to the bare handler. Times are for the benchmarks.
func TestAllocations(t *testing.T) {
	needExactCounts(t)
	for name, c := range map[string]struct {
		most    uint64
		handler func(*msm.Session)
	}{
		"untouched":                  {3, func(*msm.Session) {}},
		"a read of one attribute":    {25, func(s *msm.Session) { count.Get(s) }},
		"a write of one attribute":   {45, func(s *msm.Session) { count.Set(s, 1) }},
		"an update of one attribute": {48, func(s *msm.Session) { add(s) }},
	} {
		t.Run(name, func(t *testing.T) {
			x := newBench(t, c.handler)
			w := &discard{http.Header{}}
			with := leastAllocs(1000, func() { x.handler.ServeHTTP(w, x.request) })
			bare := leastAllocs(1000, func() { x.bare.ServeHTTP(w, x.request) })
			t.Logf("%v allocations more than the bare handler", with-bare)
			if with-bare > c.most {
				t.Errorf("%v allocations more than the bare handler; at most %v", with-bare, c.most)
			}
		})
	}
}
