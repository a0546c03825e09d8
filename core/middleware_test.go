package msm_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestMiddlewareOutsideSeesThePattern checks that a middleware around the sessions sees the route's pattern that a
// ServeMux behind them has found, as without sessions.
func TestMiddlewareOutsideSeesThePattern(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(http.ResponseWriter, *http.Request) {})
	app := newManager(t, msm.Config{}).Middleware(mux)
	r := httptest.NewRequest("GET", "/items/1", nil)
	app.ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "GET /items/{id}" {
		t.Errorf("it sees %q", r.Pattern)
	}
}
