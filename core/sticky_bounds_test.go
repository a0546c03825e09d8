package msm_test

import (
	"errors"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"testing"

	msm "github.com/gomsm/msm/core"
)

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
	waitFor(t, "room", func() bool { return visit(m, "", addOne).StatusCode == 200 }) // what is stored may leave a moment later
	if l := m.Stats().Local; l.Sessions != 3 || l.Evictions != 1 {
		t.Errorf("%+v", l)
	}
}

// TestStickyBytesFollowTheMemoryLimit checks that the default of MaxLocalBytes is a quarter of the runtime's limit. Sessions
// that begin leave an eighth of that to others.
func TestStickyBytesFollowTheMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(128 << 20))
	list, _ := startServers(t, 1)
	m := newManager(t, msm.Config{Nodes: list, Sticky: true})
	for i := range 1500 { // 45 MiB
		if i == 500 {
			written(t, m) // from here on something may leave
		}
		visit(m, "", func(s *msm.Session) { s.Set("a", make([]byte, 30<<10)) })
	}
	written(t, m)
	if l := m.Stats().Local; l.Bytes > 32<<20 || l.Bytes < 26<<20 || l.Evictions == 0 {
		t.Errorf("%+v", l)
	}
}
