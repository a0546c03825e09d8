package msm_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// countingApp is the app to be tested.
func countingApp(m *msm.Manager) http.Handler {
	visits := msm.NewKey[int]("visits")
	return m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, visits.Update(msm.From(r.Context()), func(n int) int { return n + 1 }))
	}))
}

// In a test file it is func TestVisitsAreCounted(t *testing.T).
func visitsAreCounted(t *testing.T) {
	app := countingApp(msmtest.NewManager(t, msm.Config{})) // no memcached, silent, closed with the test

	first := httptest.NewRecorder()
	app.ServeHTTP(first, httptest.NewRequest("POST", "/", nil))

	r := httptest.NewRequest("POST", "/", nil)
	for _, cookie := range first.Result().Cookies() {
		r.AddCookie(cookie)
	}
	second := httptest.NewRecorder()
	app.ServeHTTP(second, r)
	if got := second.Body.String(); got != "2" {
		t.Errorf("the second visit is %q", got)
	}
}

// Handlers are tested with a manager that needs no memcached. For nodes that fail, msmtest.StartServer starts real
// memcached processes, to kill and to stop.
func Example_tests() {
	var t *testing.T // that of the test
	visitsAreCounted(t)
}
