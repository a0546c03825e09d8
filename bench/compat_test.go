package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/tester"
	"github.com/gofiber/fiber/v3/extractors"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

var extractor = extractors.FromCookie(cookieName)

// TestGinContribOwnTests runs gin-contrib's own test suite for stores.
func TestGinContribOwnTests(t *testing.T) {
	for name, test := range map[string]func(*testing.T, func(*testing.T) sessions.Store){
		"GetSet":    func(t *testing.T, f func(*testing.T) sessions.Store) { tester.GetSet(t, f) },
		"DeleteKey": func(t *testing.T, f func(*testing.T) sessions.Store) { tester.DeleteKey(t, f) },
		"Flashes":   func(t *testing.T, f func(*testing.T) sessions.Store) { tester.Flashes(t, f) },
		"Clear":     func(t *testing.T, f func(*testing.T) sessions.Store) { tester.Clear(t, f) },
		"Options":   func(t *testing.T, f func(*testing.T) sessions.Store) { tester.Options(t, f) },
		"Many":      func(t *testing.T, f func(*testing.T) sessions.Store) { tester.Many(t, f) },
	} {
		t.Run(name, func(t *testing.T) {
			test(t, func(t *testing.T) sessions.Store {
				m, _ := start(t, 2)
				return msmgorilla.NewGin[sessions.Options](m, secret)
			})
		})
	}
}

// start starts n memcached servers, and a manager on them.
func start(t testing.TB, n int) (*msm.Manager, []*msmtest.Server) {
	t.Helper()
	var servers []*msmtest.Server
	var nodes string
	for i := range n {
		servers = append(servers, msmtest.StartServer(t))
		nodes += fmt.Sprintf("n%d:%s ", i+1, servers[i].Addr())
	}
	return newManager(t, msm.Config{Nodes: nodes, OpTimeout: patience}), servers
}

func newManager(t testing.TB, c msm.Config) *msm.Manager {
	t.Helper()
	c.Logger = slog.New(slog.DiscardHandler)
	m, err := msm.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close(context.Background()) })
	return m
}

// visitor is a browser with a cookie.
type visitor struct {
	app    http.Handler
	on     func(*msm.Manager) http.Handler // makes such an app; nil: not needed
	cookie string
	t      *testing.T
}

func (v *visitor) send(method, path string) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(method, path, nil), httptest.NewRecorder()
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: v.cookie})
	}
	v.app.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == cookieName {
			v.cookie = c.Value
		}
	}
	return w
}

func (v *visitor) set(value string) {
	v.t.Helper()
	if w := v.send("POST", "/?v="+url.QueryEscape(value)); w.Code != http.StatusOK || v.cookie == "" {
		v.t.Errorf("set %s: %d %s", value, w.Code, w.Body)
	}
}

func (v *visitor) want(value string) {
	v.t.Helper()
	if w := v.send("GET", "/"); w.Code != http.StatusOK || w.Body.String() != value {
		v.t.Errorf("%d %q; want %q", w.Code, w.Body, value)
	}
}

// TestApps checks what the libraries' own suites do not.
func TestApps(t *testing.T) {
	for library, app := range apps {
		for name, run := range cases {
			t.Run(library+": "+name, func(t *testing.T) {
				t.Parallel()
				m, servers := start(t, 2)
				run(&visitor{app: app(m), on: app, t: t}, m, servers)
			})
		}
	}
}

var cases = map[string]func(v *visitor, m *msm.Manager, servers []*msmtest.Server){
	"sessions of more than 30 days, and of more than 4 KB": func(v *visitor, _ *msm.Manager, _ []*msmtest.Server) {
		big := fmt.Sprintf("%05000d", 1)
		v.set(big)
		v.want(big)
	},
	"logout ends the session for whoever has the cookie": func(v *visitor, _ *msm.Manager, _ []*msmtest.Server) {
		v.set("a")
		old := v.cookie
		if w := v.send("POST", "/logout"); w.Code != http.StatusOK {
			v.t.Errorf("logout: %d %s", w.Code, w.Body)
		}
		v.cookie = old
		v.want("")
	},
	"an id that the store does not know is never adopted": func(v *visitor, _ *msm.Manager, _ []*msmtest.Server) {
		v.cookie = "planted"
		v.set("a")
		if v.cookie == "planted" {
			v.t.Error("it was adopted")
		}
		v.want("a")
	},
	"a session that was evicted is a new one": func(v *visitor, m *msm.Manager, servers []*msmtest.Server) {
		v.set("a")
		old := v.cookie
		for _, s := range servers {
			s.Kill()
		}
		for _, s := range servers {
			s.Restart()
		}
		v.send("GET", "/") // the manager notices
		waitUntilAllUp(v.t, m)
		v.want("")
		v.set("b")
		v.want("b")
		if v.cookie == old {
			v.t.Error("the old id was used again")
		}
	},
	"a node dies, comes back, and the other one dies": func(v *visitor, m *msm.Manager, servers []*msmtest.Server) {
		var all []*visitor
		for range 10 {
			all = append(all, &visitor{app: v.app, t: v.t})
		}
		each := func(do func(v *visitor, i int)) {
			for i, v := range all {
				do(v, i)
			}
		}
		set := func(what string) {
			each(func(v *visitor, i int) { v.set(fmt.Sprint(what, i)) })
		}
		want := func(what string) {
			v.t.Helper()
			each(func(v *visitor, i int) { v.want(fmt.Sprint(what, i)) })
		}
		set("a")
		servers[0].Kill()
		want("a")
		set("b")
		want("b")
		restarted := time.Now()
		servers[0].Restart()
		waitUntilAllUp(v.t, m)
		want("b")
		waitForRefill(v.t, m, restarted)
		servers[1].Kill()
		want("b")
		set("c")
		want("c")
	},
	"no node answers: nobody is logged out": func(v *visitor, m *msm.Manager, servers []*msmtest.Server) {
		v.set("a")
		var nodes string
		for _, n := range m.Stats().Nodes {
			nodes += n.ID + ":" + n.Address + " "
		}
		patient := v.app
		v.app = v.on(newManager(v.t, msm.Config{Nodes: nodes, OpTimeout: time.Second}))
		for _, s := range servers {
			s.Stop()
		}
		before := v.cookie
		for _, method := range []string{"GET", "POST"} {
			// gin-contrib answers 200 to a GET, whatever its store says.
			if w := v.send(method, "/?v=b"); w.Code == http.StatusOK && method == "POST" || v.cookie != before {
				v.t.Errorf("%s: %d %v", method, w.Code, w.Header())
			}
		}
		for _, s := range servers {
			s.Continue()
		}
		v.app = patient
		waitUntilAllUp(v.t, m)
		v.want("a")
	},
}

// patience ends a wait that would never end by itself.
const patience = 2 * time.Minute

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func waitUntilAllUp(t *testing.T, m *msm.Manager) {
	t.Helper()
	eventually(t, "the nodes", func() bool {
		return !slices.ContainsFunc(m.Stats().Nodes, func(n msm.NodeStats) bool { return n.State != msm.NodeUp })
	})
}

// waitForRefill waits until the first node has its copies back, after a restart.
func waitForRefill(t *testing.T, m *msm.Manager, restarted time.Time) {
	t.Helper()
	eventually(t, "the refill", func() bool {
		r := m.Stats().Nodes[0].Refill
		return r != nil && r.State == msm.RefillDone && r.Ended.After(restarted)
	})
}
