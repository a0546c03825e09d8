package msm_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

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

// direct returns a client of a memcached server. The client's own timeout, 500 ms, is less than a busy machine may need.
func direct(t testing.TB, s *msmtest.Server) *memcache.Client {
	client := memcache.New(s.Addr())
	client.Timeout = patience
	t.Cleanup(func() { _ = client.Close() })
	return client
}

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

// allUp reports whether managers have every node in use.
func allUp(managers ...*msm.Manager) bool {
	for _, m := range managers {
		for _, n := range m.Stats().Nodes {
			if n.State != msm.NodeUp {
				return false
			}
		}
	}
	return true
}

// waitForWhatIsOwed waits until no manager owes a node anything.
func waitForWhatIsOwed(t testing.TB, managers ...*msm.Manager) {
	t.Helper()
	waitFor(t, "the nodes to get what they are owed", func() bool {
		owed := 0
		for _, m := range managers {
			for _, n := range m.Stats().Nodes {
				owed += n.Owed
			}
		}
		return owed == 0
	})
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
