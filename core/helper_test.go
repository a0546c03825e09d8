package msm_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

var quiet = slog.New(slog.DiscardHandler)

// These times decide no test, because a machine may be as busy as it likes.
const (
	// patience ends a hang. It is how long tests wait for other processes, and requests for a lock in tests that are
	// not about giving up.
	patience = 2 * time.Minute
	// opTimeout is the OpTimeout of managers whose nodes do not hang. A healthy node never exceeds it.
	opTimeout = 10 * time.Second
	// hangTimeout is the OpTimeout of managers with a node that hangs; such a test waits for it once. At load 44 on two
	// cores healthy nodes have needed more than 5 s, which is a second fault in a test that has one at a time.
	hangTimeout = 10 * time.Second
)

// waitFor polls a condition that other processes or goroutines bring about.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// waitForRounds waits until everyone has done n rounds that began after the call.
func waitForRounds(t testing.TB, done []atomic.Int64, n int64) {
	t.Helper()
	var want []int64
	for i := range done {
		want = append(want, done[i].Load()+n+1) // the one that ends next may have begun before
	}
	for i := range done {
		waitFor(t, "more rounds", func() bool { return done[i].Load() >= want[i] })
	}
}

// healed waits until managers have done their background jobs.
func healed(t testing.TB, managers ...*msm.Manager) {
	t.Helper()
	for _, m := range managers {
		waitFor(t, "the background", m.Idle)
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func handlerOf(f func(*msm.Session)) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(msm.From(r.Context())) })
}
