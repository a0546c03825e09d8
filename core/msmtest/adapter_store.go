//go:build unix

package msmtest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// deadStore is a manager whose only node was killed, and the cookie of a session that the node had.
type deadStore struct {
	manager *msm.Manager
	cookie  string
}

// newDeadStore returns a function that returns the dead store of a test.
func newDeadStore(t *testing.T) func(*testing.T) deadStore {
	t.Helper()
	m, kill := dyingStore(t, msm.Config{})
	w := httptest.NewRecorder()
	m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		count.Set(msm.From(r.Context()), 1)
	})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	kill()
	return func(*testing.T) deadStore { return deadStore{m, w.Header().Get("Set-Cookie")} }
}

// dyingStore returns a manager with one node, and a function that kills the node.
func dyingStore(t *testing.T, config msm.Config) (m *msm.Manager, kill func()) {
	t.Helper()
	server := StartServer(t)
	config.Nodes, config.OpTimeout = "n1:"+server.Addr(), patience
	return NewManager(t, config), server.Kill
}
