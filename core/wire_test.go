package msm_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// wire is two memcached processes behind proxies that see every command.
type wire struct {
	*app
	manager *msm.Manager
	nodes   string
	proxies []*msmtest.Proxy
	active  sync.WaitGroup // requests that are not over, even if they were answered
}

func startWire(t *testing.T, config msm.Config) *wire {
	w := &wire{}
	w.nodes, _, w.proxies = startSeen(t, 2)
	w.app, w.manager = w.instance(t, config)
	return w
}

// startSeen starts memcached processes, each behind a proxy, whose address stands in the list.
func startSeen(t testing.TB, n int) (list string, servers map[string]*msmtest.Server, proxies []*msmtest.Proxy) {
	list, servers = startServers(t, n)
	for i := range n {
		addr := servers[fmt.Sprintf("n%d", i+1)].Addr()
		proxies = append(proxies, msmtest.StartProxy(t, addr))
		list = strings.Replace(list, addr, proxies[i].Addr(), 1)
	}
	return list, servers, proxies
}

// another starts another instance on the same nodes.
func (w *wire) another(config msm.Config) *app {
	a, _ := w.instance(w.t, config)
	return a
}

func (w *wire) instance(t testing.TB, config msm.Config) (*app, *msm.Manager) {
	config.RefillRate = msm.NoRefill // only commands of requests are counted
	config.Nodes, config.Ignore = w.nodes, regexp.MustCompile(`\.gif$`)
	m := newManager(t, config)
	h := m.Middleware(http.HandlerFunc(pages))
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.active.Add(1)
		defer w.active.Done()
		h.ServeHTTP(rw, r)
	})), m
}

// pages handles the requests of tests that count commands.
func pages(w http.ResponseWriter, r *http.Request) {
	switch s := msm.From(r.Context()); r.URL.Path {
	case "/read":
		fmt.Fprint(w, count.Get(s))
	case "/write":
		fmt.Fprint(w, add(s))
	case "/logout":
		s.Destroy()
	}
}

// finish waits until nothing more comes of the requests so far: locks are released and work in the background is done
// after the response.
func (w *wire) finish() {
	w.t.Helper()
	w.active.Wait()
	healed(w.t, w.manager)
}

// session returns the commands about sessions since the last reset.
func (w *wire) session() []string { return w.about("msm:s:") }

// about returns the commands on keys with that prefix since the last reset, without those of the probers.
func (w *wire) about(prefix string) []string { return about(prefix, w.proxies...) }

func about(prefix string, proxies ...*msmtest.Proxy) (list []string) {
	for _, p := range proxies {
		for _, line := range p.Commands() {
			if name, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, prefix) && !ofNodes(rest) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// ofNodes reports whether a command is about nodes, and not about a session.
func ofNodes(rest string) bool {
	return strings.HasPrefix(rest, "msm:epoch") || strings.HasPrefix(rest, "msm:news ") || strings.HasPrefix(rest, "msm:used ")
}

func (w *wire) reset() {
	for _, p := range w.proxies {
		p.Reset()
	}
}

// TestCommandsOnTheWire counts the commands that a request sends to real memcached.
func TestCommandsOnTheWire(t *testing.T) {
	for name, c := range map[string]struct {
		backups int
		method  string
		path    string
		cookie  string // kept: the browser's cookie; else another one
		want    []string
	}{
		"a request without cookie":                      {1, "GET", "/none", "-", nil},
		"a read without cookie":                         {1, "GET", "/read", "-", nil},
		"an unsafe request without cookie":              {1, "POST", "/none", "-", nil},
		"an ignored request":                            {1, "POST", "/x.gif", "kept", nil},
		"a GET that does not touch the session":         {1, "GET", "/none", "kept", nil},
		"a read":                                        {1, "GET", "/read", "kept", []string{"gets"}},
		"an unsafe request that changes nothing":        {1, "POST", "/none", "kept", []string{"gets"}},
		"a write with one backup":                       {1, "POST", "/write", "kept", []string{"cas", "cas", "gets", "gets"}},
		"a write without backup":                        {msm.NoBackup, "POST", "/write", "kept", []string{"cas", "gets"}},
		"a new session with one backup":                 {1, "POST", "/write", "-", []string{"add", "add"}},
		"a new session without backup":                  {msm.NoBackup, "POST", "/write", "-", []string{"add"}},
		"a logout":                                      {1, "POST", "/logout", "kept", []string{"cas", "cas", "gets", "gets"}},
		"a logout of nobody":                            {1, "POST", "/logout", "-", nil},
		"a write with a malformed cookie":               {1, "POST", "/write", "x", []string{"add", "add"}},
		"a read with a cookie of 70,000 bytes":          {1, "GET", "/read", strings.Repeat("a", 70_000), nil},
		"a read with CR LF in the cookie, as %0d%0a":    {1, "GET", "/read", "%0d%0aflush_all", nil},
		"a read with an unsigned id of the right shape": {1, "GET", "/read", "aaaaaaaaaaaaaaaaaaaaaaaaaa-n1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWire(t, msm.Config{Backups: c.backups, SigningKeys: [][]byte{make([]byte, 32)}})
			w.do("POST", "/write")
			w.do("GET", "/read")
			w.finish()
			w.reset()
			req, _ := http.NewRequest(c.method, w.URL+c.path, nil)
			if c.cookie != "kept" {
				w.browser.Jar = nil
				if c.cookie != "-" {
					req.Header.Set("Cookie", "SESSION="+c.cookie)
				}
			}
			w.send(req)
			w.finish()
			if got := w.session(); !slices.Equal(got, c.want) {
				t.Errorf("commands %v; want %v", got, c.want)
			}
		})
	}
}

// TestASessionThatIsGoneIsAskedForOnce: T-04. In fake time, a cookie of a dead session that is sent again and again
// costs one look in half a second, not one for each request.
func TestASessionThatIsGoneIsAskedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, 2)
		h := w.manager(msm.Config{}).Middleware(http.HandlerFunc(pages))
		for range 3 {
			w.reset()
			for range 20 {
				resp := exchange(h, "GET", "/read", withCookie("SESSION=aaaaaaaaaaaaaaaaaaaaaaaaaa-n1"))
				if body := bodyOf(resp); body != "0" || len(resp.Header["Set-Cookie"]) > 0 {
					t.Fatalf("%q %v", body, resp.Header)
				}
				time.Sleep(24 * time.Millisecond)
			}
			if got := w.about("msm:s:"); !slices.Equal(got, []string{"gets", "gets", "gets"}) { // the primary, the other one, the primary again
				t.Errorf("commands %v", got)
			}
			time.Sleep(20 * time.Millisecond) // half a second is over
		}
	})
}
