package msm_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestCommandsOfALock checks the commands that a lock adds to those of a request.
func TestCommandsOfALock(t *testing.T) {
	for name, c := range map[string]struct {
		locking   msm.Locking
		path      string
		lock, all []string // commands for the lock, and all commands; a gets for both counts for the session
	}{
		"a read, none":                 {msm.LockNone, "GET /read", nil, []string{"gets"}},
		"a write, none":                {msm.LockNone, "POST /write", nil, []string{"cas", "cas", "gets", "gets"}},
		"a read, all":                  {msm.LockAll, "GET /read", []string{"add", "cas"}, []string{"add", "cas", "gets"}},
		"a write, all":                 {msm.LockAll, "POST /write", []string{"add", "cas"}, []string{"add", "cas", "cas", "cas", "gets", "gets"}},
		"a logout, all":                {msm.LockAll, "POST /logout", []string{"add", "cas"}, []string{"add", "cas", "cas", "cas", "gets", "gets"}},
		"one that does not touch, all": {msm.LockAll, "GET /none", []string{"add", "cas", "gets"}, []string{"add", "cas", "gets"}},
		"a read, auto, learnt":         {msm.LockAuto, "GET /read", nil, []string{"gets"}},
		"a write, auto":                {msm.LockAuto, "POST /write", []string{"add", "cas"}, []string{"add", "cas", "cas", "cas", "gets", "gets"}},
		"a write, app":                 {msm.LockApp, "POST /write", nil, []string{"cas", "cas", "gets", "gets"}},
		"a path that matches":          {"uri:^/read$", "GET /read", []string{"add", "cas"}, []string{"add", "cas", "gets"}},
		"a path that does not match":   {"uri:^/read$", "POST /write", nil, []string{"cas", "cas", "gets", "gets"}},
		"an ignored request, all":      {msm.LockAll, "POST /x.gif", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWire(t, msm.Config{Locking: c.locking, LockWait: patience, LockExpiry: time.Hour}) // none is extended
			w.do("POST", "/write")
			w.do("GET", "/read")
			w.finish()
			w.reset()
			method, path, _ := strings.Cut(c.path, " ")
			w.do(method, path)
			w.finish()
			lock, all := w.about("msm:l:"), w.about("msm:")
			if !slices.Equal(lock, c.lock) || !slices.Equal(all, c.all) {
				t.Errorf("about the lock %v, want %v; in all %v, want %v", lock, c.lock, all, c.all)
			}
		})
	}
}

// TestALockEndsByItself: W-18. The command that takes a lock sets its expiry.
func TestALockEndsByItself(t *testing.T) {
	t.Parallel()
	w := startWire(t, msm.Config{Locking: msm.LockAll, LockExpiry: 7 * time.Second})
	w.do("POST", "/write")
	w.do("GET", "/read")
	for _, p := range w.proxies {
		for _, line := range p.Commands() {
			if f := strings.Fields(line); f[0] == "add" && strings.HasPrefix(f[1], "msm:l:") && f[3] != "7" {
				t.Error(line)
			}
		}
	}
}

// TestAutoLearns: a route is known by its method and pattern, whatever the router; and wrong guesses are corrected.
func TestAutoLearns(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{Locking: msm.LockAuto, LockWait: patience})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(_ http.ResponseWriter, r *http.Request) { count.Get(msm.From(r.Context())) })
	mux.HandleFunc("POST /items/{id}", func(_ http.ResponseWriter, r *http.Request) { add(msm.From(r.Context())) })
	mux.HandleFunc("GET /untouched", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /sometimes", func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			add(msm.From(r.Context()))
		}
	})
	h := m.Middleware(mux)
	id := begin(t, m, func(s *msm.Session) { add(s) })
	for i, c := range []struct {
		request string
		skips   bool
		known   []string // afterwards
	}{
		{"GET /items/1", false, []string{"GET /items/{id}"}},
		{"GET /items/2?x=y", true, []string{"GET /items/{id}"}},
		{"POST /items/2", false, []string{"GET /items/{id}"}},
		{"GET /untouched", false, []string{"GET /items/{id}", "GET /untouched"}},
		{"GET /sometimes", false, []string{"GET /items/{id}", "GET /sometimes", "GET /untouched"}},
		{"GET /sometimes?change", true, []string{"GET /items/{id}", "GET /untouched"}}, // a wrong guess
		{"GET /sometimes", false, []string{"GET /items/{id}", "GET /untouched"}},
		{"GET /nowhere", false, []string{"GET /items/{id}", "GET /nowhere", "GET /untouched"}},
	} {
		before := m.Stats().Locks
		method, path, _ := strings.Cut(c.request, " ")
		exchange(h, method, path, withCookie("SESSION="+id))
		after := m.Stats().Locks
		if skipped := after.Skipped > before.Skipped; skipped != c.skips || skipped == (after.Acquired > before.Acquired) {
			t.Errorf("%d. %s: skipped %v", i, c.request, skipped)
		}
		if !slices.Equal(after.ReadOnly, c.known) {
			t.Errorf("%d. %s: known %q; want %q", i, c.request, after.ReadOnly, c.known)
		}
	}
	visit(m, id, func(s *msm.Session) {
		if count.Get(s) != 3 {
			t.Errorf("count %d", count.Get(s))
		}
	})
}

// TestAWrongGuessLosesNothing: G5. A request that LockAuto expected to only read changes what another one changes under
// the lock.
func TestAWrongGuessLosesNothing(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	m := newManager(t, msm.Config{Nodes: list, Locking: msm.LockAuto, LockWait: patience})
	id := begin(t, m, func(s *msm.Session) { count.Set(s, 0) })
	request := func(path string, handler func(s *msm.Session)) int {
		return exchange(m.Middleware(handlerOf(handler)), "GET", path, withCookie("SESSION="+id)).StatusCode
	}
	request("/sometimes", func(s *msm.Session) { count.Get(s) })
	status := request("/sometimes", func(s *msm.Session) {
		n := count.Get(s)
		if other := request("/writes", func(s *msm.Session) { count.Set(s, count.Get(s)+1) }); other != 200 {
			t.Errorf("the request with the lock: %d", other)
		}
		count.Set(s, n+1)
	})
	if status != http.StatusConflict {
		t.Errorf("%d; both say that they have counted", status)
	}
}

// BenchmarkLocking measures a read without other requests, with LockNone and with LockAll.
func BenchmarkLocking(b *testing.B) {
	for _, mode := range []msm.Locking{msm.LockNone, msm.LockAll} {
		b.Run(string(mode), func(b *testing.B) {
			x := newBenchOf(b, msm.Config{Locking: mode}, func(s *msm.Session) { count.Get(s) })
			x.run(b, x.handler)
		})
	}
}
