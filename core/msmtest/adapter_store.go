//go:build unix

package msmtest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// deadStore is a manager whose only node was killed, and the cookie of a session that it had.
type deadStore struct {
	manager *msm.Manager
	cookie  string
}

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

// dyingStore is a manager on one node, which dies by kill.
func dyingStore(t *testing.T, config msm.Config) (m *msm.Manager, kill func()) {
	t.Helper()
	server := StartServer(t)
	config.Nodes, config.OpTimeout = "n1:"+server.Addr(), patience
	return NewManager(t, config), server.Kill
}
