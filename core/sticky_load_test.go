package msm_test

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

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
	heapBefore, before := heap(), runtime.NumGoroutine()
	few := func() bool { return runtime.NumGoroutine() <= before+10 }
	for node, server := range servers {
		server.Kill()
		state(t, m, node, msm.NodeDown)
	}
	requests := load(*down)
	if l := m.Stats().Local; l.PendingSessions > len(ids) || l.Overwrites > 0 {
		t.Errorf("%+v", l)
	}
	during := heap()
	waitFor(t, "goroutines to end while nodes are down", few)
	for node, server := range servers {
		server.Restart()
		state(t, m, node, msm.NodeUp)
	}
	written(t, m)
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	waitFor(t, "goroutines to end", few) // a refill and what is owed may take a moment
	heapAfter := heap()
	t.Logf("%d requests; heap %d, %d, %d KiB", requests, heapBefore>>10, during>>10, heapAfter>>10)
	const room = 16 << 20 // 16 KiB for each session
	if during > heapBefore+room || heapAfter > heapBefore+room/4 {
		t.Errorf("heap %d, %d, %d", heapBefore, during, heapAfter)
	}
}
